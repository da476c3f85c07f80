package jobs

import "regulars/internal/engine"

// mail.urgent hands over single mails that do not wait behind a newsletter: welcomes,
// milestones, double opt-in. Put after the commit that queued one. Each send is
// claimed and marked before it is on the wire. Two at once keep the wire busy while
// one of them asks the database.
var mailUrgent = work(engine.MailUrgent, Urgent, 2)

// mail.bulk hands over the single mails of offers, as mail.urgent does.
var mailBulk = work(engine.MailBulk, Bulk, 1)

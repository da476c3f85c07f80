package jobs

import "regulars/internal/engine"

// run.freeze begins what a date of a timetable begins: a run with its audience frozen.
// Put by the recovery pass when the date has come. The occurrence is unique by campaign
// and date.
var runFreeze = work(engine.RunFreeze, Clock, 1)

// run.deliver {run} mails a run: it claims one chunk of the frozen audience after the
// other. Put when a run is frozen or resumed, and for each worker with room as long as
// chunks wait that nobody has. Its chunks are leased, and each send is marked before
// it is on the wire. Of four at once two take up and two wait for their last mails.
var runDeliver = ofRun(work(engine.RunDeliver, Bulk, 4))

// run.finish ends runs of which no mail is pending, and waves and pilots in between.
// Put by the recovery pass while a run is open.
var runFinish = work(engine.RunFinish, Clock, 1)

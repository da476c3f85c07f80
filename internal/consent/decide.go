package consent

import (
	"regexp"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/program"
)

// Reasons that the gate gives for a skip, as they stand in the ledger.
const (
	Erased       = "erased"
	Cancelled    = "cancelled" // the member was merged into another
	NoConsent    = "no_consent"
	NoAddress    = "no_address"
	IsSuppressed = "suppressed"
	Blocked      = "blocked" // MAIL_ONLY_TO
	Late         = "late"
	Capped       = "capped"
	QuietExpired = "quiet_expired"
)

// Policy is what the program and the installation say about a campaign's mails.
type Policy struct {
	Quiet loyalty.QuietHours
	Caps  []loyalty.Cap
	Defer time.Duration  // how long a capped mail may wait; 0: it is skipped
	Only  *regexp.Regexp // MAIL_ONLY_TO: other addresses are blocked; nil: none are
	Zones *Zones
}

// PolicyFor returns the policy of a campaign of p.
func PolicyFor(p *program.Program, c *program.Campaign, zones *Zones, only *regexp.Regexp) Policy {
	policy := Policy{Quiet: p.Quiet, Caps: p.Caps, Defer: c.Capped.Defer, Only: only, Zones: zones}
	if c.Quiet != nil {
		policy.Quiet = *c.Quiet
	}
	return policy
}

// Decision is the gate's answer. Until is set when the mail is to wait, Reason
// when it is not to go now or at all.
type Decision struct {
	Reason string
	Until  loyalty.Instant

	// Expires, when set, is the send's new expiry: a mail that its campaign lets
	// wait for the cap is not late because it did.
	Expires loyalty.Instant
}

// Pass, Skip and Defer are the three kinds of answers.
func (d Decision) Pass() bool  { return d.Reason == "" }
func (d Decision) Skip() bool  { return d.Reason != "" && d.Until.IsZero() }
func (d Decision) Defer() bool { return !d.Until.IsZero() }

// QuietHour is the reason of a mail that waits for the end of the quiet hours.
const QuietHour = "quiet"

// ownAct is how long the member's own act makes a mail welcome at any hour.
const ownAct = 15 * time.Minute

// Decide says whether c may go at now. It is pure, and asked at the claim and
// again at the mark.
//
// Every mail needs an address that is not suppressed; earned mails and offers
// need consent to their topic; offers need room under the caps. All wait for the
// end of the quiet hours, except that an earned or service mail goes at once when
// the member's own act of the last 15 minutes caused it. An offer that would be
// late by then is skipped; the others are not dropped for having waited.
func Decide(c Candidate, p Policy, now loyalty.Instant) Decision {
	if reason := never(c, p); reason != "" {
		return Decision{Reason: reason}
	}
	if !c.ExpiresAt.IsZero() && now.After(c.ExpiresAt.Time) {
		return Decision{Reason: Late}
	}
	if d := quiet(c, p, now); !d.Pass() {
		return d
	}
	if c.Class == loyalty.Offer {
		return capped(c, p, now)
	}
	return Decision{}
}

// never returns why the member does not get such a mail at all.
func never(c Candidate, p Policy) string {
	switch {
	case c.Erased:
		return Erased
	case c.Merged:
		return Cancelled
	case c.Class != loyalty.Service && !agreed(c.Topic, c.Joined, c.Answered, c.Granted):
		return NoConsent
	case c.Email == "" || len(c.EmailKey) == 0:
		return NoAddress
	case c.Suppressed:
		return IsSuppressed
	case p.Only != nil && !p.Only.MatchString(c.Email):
		return Blocked
	}
	return ""
}

func quiet(c Candidate, p Policy, now loyalty.Instant) Decision {
	if c.Class != loyalty.Offer && !c.OwnActAt.IsZero() && now.Sub(c.OwnActAt.Time) <= ownAct {
		return Decision{}
	}
	end := loyalty.At(p.Quiet.Next(now.In(p.Zones.Of(c.Zone))))
	switch {
	case !end.After(now.Time):
		return Decision{}
	case c.Class == loyalty.Offer && !c.ExpiresAt.IsZero() && end.After(c.ExpiresAt.Time):
		return Decision{Reason: QuietExpired}
	case !c.ExpiresAt.IsZero() && end.After(c.ExpiresAt.Time):
		return Decision{Reason: QuietHour, Until: end, Expires: end.Plus(c.ExpiresAt.Sub(c.QueuedAt.Time))}
	}
	return Decision{Reason: QuietHour, Until: end}
}

// capped answers from the member's recent mails as loaded. The last word is
// TakeCap's, for another campaign may be asking too.
func capped(c Candidate, p Policy, now loyalty.Instant) Decision {
	free := now
	for _, limit := range p.Caps {
		if f := loyalty.At(limit.Free(c.Recent[:], now.Time)); f.After(free.Time) {
			free = f
		}
	}
	if !free.After(now.Time) {
		return Decision{}
	}
	if free.After(c.QueuedAt.Add(p.Defer)) {
		return Decision{Reason: Capped}
	}
	d := Decision{Reason: Capped, Until: free}
	if !c.ExpiresAt.IsZero() && free.After(c.ExpiresAt.Time) {
		d.Expires = free.Plus(c.ExpiresAt.Sub(c.QueuedAt.Time))
	}
	return d
}

// LeftOut is an SQL expression that says why a member of an audience does not
// get mails of a class and topic, ” if they do: erased, no_consent, no_address
// or suppressed, as Decide would. It reads the aliases m (members) and f (facts).
func LeftOut(class, topic string) string {
	return `case when m.erased_at is not null then 'erased'
	             when m.merged_into is not null then 'cancelled'
	             when not ` + agreedSQL(class, topic) + ` then 'no_consent'
	             when m.email = '' or m.email_key is null then 'no_address'
	             when exists (select 1 from suppressions x where x.email_key = m.email_key) then 'suppressed'
	             else '' end`
}

// agreedSQL is agreed over facts, and true for service mails.
func agreedSQL(class, topic string) string {
	switch {
	case class == loyalty.Service:
		return "true"
	case topic == loyalty.Offers:
		return "f.consent_offers"
	case topic == loyalty.Newsletter:
		return "f.consent_newsletter"
	default: // program: whoever joined and did not refuse
		return `(m.joined_at is not null and (f.consent_program or not exists
	                  (select 1 from member_topics t where t.member_id = m.id and t.topic = 'program')))`
	}
}

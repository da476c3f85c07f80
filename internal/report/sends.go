package report

import (
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Runs returns the newest runs, or the one with that number.
func Runs(tx *store.Tx, only int64) ([]Run, error) {
	return runsOf(tx, "@only = 0 or id = @only", store.Args{"only": only, "limit": 50})
}

// NewestRuns returns runs of a campaign, or with "" of all, the newest first, from before
// one of them on; 0 is from the newest.
func NewestRuns(tx *store.Tx, campaign string, before int64, limit int) ([]Run, error) {
	return runsOf(tx, "(@before = 0 or id < @before) and (@campaign = '' or campaign_id = (select id from campaigns where name = @campaign))",
		store.Args{"before": before, "campaign": campaign, "limit": limit})
}

// runsOf returns the newest runs for which a condition holds.
func runsOf(tx *store.Tx, condition string, args store.Args) ([]Run, error) {
	list := []Run{}
	listed := "(select id from runs where " + condition + " order by id desc limit @limit)"
	err := tx.All(&list, `
		select r.id, c.name as campaign, r.state, r.because, r.audience, r.started_at,
		       coalesce(k.pending, 0) as pending, coalesce(k.sent, 0) as sent
		from   runs r
		join   campaigns c on c.id = r.campaign_id
		left   join (`+runCounts+listed+` group by run_id) k on k.run_id = r.id
		where  r.id in `+listed+`
		order  by r.id desc`, args)
	return list, err
}

// runCounts begins a SELECT of how far runs are; which of them follows, and "group by run_id".
const runCounts = `
	select run_id,
	       cast(coalesce(sum(n) filter (where ` + store.CountedPending + `), 0) as bigint) as pending,
	       cast(coalesce(sum(n) filter (where ` + store.CountedSent + `), 0) as bigint) as sent,
	       cast(coalesce(sum(n) filter (where state = 'skipped'), 0) as bigint) as skipped,
	       cast(coalesce(sum(n) filter (where state = 'failed'), 0) as bigint) as failed,
	       cast(coalesce(sum(n) filter (where state = 'unknown'), 0) as bigint) as unknown
	from   counted
	where  run_id <> 0 and run_id in `

// perMinute is a SELECT of the hand-overs of a run r in the last minute. They are in the
// chunks that workers are at, and in those of which one of the last mails went in it;
// mails that go a second time are left out.
const perMinute = `
	select coalesce(sum((select count(*) from sends s
	                     where  s.run_id = k.run_id and s.id between k.lo and k.hi and s.handed_at > @minute_ago and s.state in ('sent', 'bounced', 'complained'))), 0)
	from   chunks k
	where  k.run_id = r.id
	and   (not k.done and k.next_id > k.lo
	       or k.done and (select count(*) from sends l where l.run_id = k.run_id and l.id between k.hi - 9 and k.hi and l.handed_at > @minute_ago) > 0)`

// RunNow is how far a run is.
type RunNow struct {
	Run
	CampaignID int64
	Skipped    int64
	Failed     int64
	Unknown    int64
	Next       loyalty.Instant // when its next wave begins; none: no more is to come, or it is on its way
	FinishedAt loyalty.Instant
}

// RunOf returns one run.
func RunOf(tx *store.Tx, run int64) (r RunNow, err error) {
	if err := tx.AboutEverybody(); err != nil {
		return r, err
	}
	err = tx.One(&r, `
		select r.id, r.campaign_id, c.name as campaign, r.state, r.because, r.audience, r.started_at, r.finished_at,
		       (select min(k.not_before) from chunks k where k.run_id = r.id and not k.done and k.not_before > @now) as next,
		       coalesce(k.pending, 0) as pending, coalesce(k.sent, 0) as sent,
		       coalesce(k.skipped, 0) as skipped, coalesce(k.failed, 0) as failed, coalesce(k.unknown, 0) as unknown,
		       case when r.finished_at < @minute_ago then 0 else (`+perMinute+`) end as per_minute
		from   runs r
		join   campaigns c on c.id = r.campaign_id
		left   join (`+runCounts+`(@run) group by run_id) k on k.run_id = r.id
		where  r.id = @run`, store.Args{"run": run, "now": tx.At, "minute_ago": tx.At.Plus(-time.Minute)})
	return r, err
}

// Send is a row of the ledger.
type Send struct {
	ID       int64           `json:"id"`
	Campaign string          `json:"campaign"`
	Step     string          `json:"step"`
	Member   string          `json:"member"`
	State    string          `json:"state"`
	Reason   string          `json:"reason,omitempty"`
	QueuedAt loyalty.Instant `json:"queued_at"`
	HandedAt loyalty.Instant `json:"handed_at"`
	DoneAt   loyalty.Instant `json:"done_at"`
	Attempts int             `json:"attempts"`
	Code     string          `json:"code,omitempty"`
	Reply    string          `json:"reply,omitempty"` // of the relay
}

// SendFilter says which sends to list; zero fields let all through.
type SendFilter struct {
	ID, Run int64
	State   string
	Limit   int
}

const sendColumns = `
		select s.id, c.name as campaign, s.step, m.external_id as member, s.state, s.reason, s.queued_at, s.handed_at, s.done_at,
		       s.attempts, coalesce(k.code, '') as code,
		       coalesce(cast(s.smtp_code as text) || ' ' || s.smtp_text, s.smtp_text, '') as reply
		from   sends s
		join   campaigns c on c.id = s.campaign_id
		join   members m on m.id = s.member_id
		left   join codes k on k.id = s.code_id`

// Sends returns sends, the newest first.
func Sends(tx *store.Tx, f SendFilter) ([]Send, error) {
	list := []Send{}
	err := tx.All(&list, sendColumns+`
		where  (@id = 0 or s.id = @id)
		and    (@run = 0 or s.run_id = @run)
		and    (@state = '' or s.state = @state)
		order  by s.id desc
		limit  @limit`, store.Args{"id": f.ID, "run": f.Run, "state": f.State, "limit": f.Limit})
	return list, err
}

// Unarrived returns the mails of a member that did not arrive, or of which nobody knows,
// the newest first.
func Unarrived(tx *store.Tx, member int64, limit int) ([]Send, error) {
	list := []Send{}
	err := tx.All(&list, sendColumns+`
		where  s.member_id = @member and s.state in ('failed', 'unknown', 'bounced')
		order  by s.queued_at desc, s.id desc
		limit  @limit`, store.Args{"member": member, "limit": limit})
	return list, err
}

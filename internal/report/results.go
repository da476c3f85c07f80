package report

import (
	"fmt"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Result is what a campaign did: per campaign, or per step of one.
type Result struct {
	Campaign string `json:"campaign"`
	Step     string `json:"step,omitempty"`
	Members  int64  `json:"members"` // who have a row, mailed or not
	Mailed   int64  `json:"mailed"`  // members who were
	Sent     int64  `json:"sent"`    // mails
	Skipped  int64  `json:"skipped"`
	Failed   int64  `json:"failed"`
	Unknown  int64  `json:"unknown"`
	Pending  int64  `json:"pending"`
	Ordered  int64  `json:"ordered"`       // mailed members who ordered within the days after
	Revenue  int64  `json:"revenue_minor"` // of those orders, less refunds
	Codes    int64  `json:"codes"`         // that members got, a shared one once for each
	Redeemed int64  `json:"redeemed"`      // of those
}

// ResultHead are the heads of the columns of Cells.
var ResultHead = []string{"SENT", "LEFT OUT", "FAILED", "UNKNOWN", "PENDING", fmt.Sprintf("ORDERED IN %dD", Within), "CODES", "REDEEMED"}

// Cells are the result in a table.
func (r Result) Cells() []string { return row(r.cells()...) }

func (r Result) cells() []any {
	return []any{r.Sent, r.Skipped, r.Failed, r.Unknown, r.Pending, r.Ordered, r.Codes, r.Redeemed}
}

// Within is the span after a mail in which an order counts beside it, in days.
const Within = 14

// Results returns the results per campaign, or per step of the one named, of
// mails whose campaign started on a day from since on. Ordering after a mail is
// not ordering because of it: only a holdout says that.
func Results(tx *store.Tx, campaign string, since loyalty.Day) (list []Result, err error) {
	step := "''"
	if campaign != "" {
		step = "s.step"
	}
	return results(tx, campaign, step, since, everyDay)
}

// everyDay is a last day that leaves nothing out.
const everyDay = loyalty.Day(1 << 30)

// ResultsBetween returns the results per campaign of mails whose campaign started on a
// day from first to last.
func ResultsBetween(tx *store.Tx, first, last loyalty.Day) ([]Result, error) {
	return results(tx, "", "''", first, last)
}

// ResultOf returns the result of one campaign as a whole: a member of several steps
// counts once.
func ResultOf(tx *store.Tx, campaign string, since loyalty.Day) (Result, error) {
	list, err := results(tx, campaign, "''", since, everyDay)
	if err != nil || len(list) == 0 {
		return Result{Campaign: campaign}, err
	}
	return list[0], nil
}

func results(tx *store.Tx, campaign, step string, since, last loyalty.Day) (list []Result, err error) {
	err = tx.All(&list, `
		with mail as (
			select s.id, c.name as campaign, `+step+` as step, s.member_id, s.state, s.done_at, s.code_id
			from   sends s
			join   campaigns c on c.id = s.campaign_id
			where  s.day between @since and @last and (@campaign = '' or c.name = @campaign)
		),
		after as ( -- each order once, however many mails went before it
			select distinct s.campaign, s.step, o.id, o.member_id, o.total - o.refunded as revenue
			from   mail s
			join   orders o on o.member_id = s.member_id and o.counts
			              and `+tx.Micros("o.at")+` between `+tx.Micros("s.done_at")+` and `+tx.Micros("s.done_at")+` + @within
			where  s.state in ('sent', 'bounced', 'complained')
		),
		mails as (`+countedResults(step)+`)
		select m.campaign, m.step, m.sent, m.skipped, m.failed, m.unknown, m.pending, coalesce(l.members, 0) as members, coalesce(l.mailed, 0) as mailed,
		       coalesce(l.ordered, 0) as ordered, coalesce(l.revenue, 0) as revenue, coalesce(l.codes, 0) as codes, coalesce(l.redeemed, 0) as redeemed
		from   mails m
		left   join (
		select s.campaign, s.step,
		       count(distinct s.member_id) as members,
		       count(distinct case when s.state in ('sent', 'bounced', 'complained') then s.member_id end) as mailed,
		       (select count(distinct a.member_id) from after a where a.campaign = s.campaign and a.step = s.step) as ordered,
		       (select cast(coalesce(sum(a.revenue), 0) as bigint) from after a where a.campaign = s.campaign and a.step = s.step) as revenue,
		       count(distinct k.id || ' ' || s.member_id) as codes,
		       count(distinct case when u.code_id is not null then k.id || ' ' || s.member_id end) as redeemed
		from   mail s
		left   join codes k on k.id = s.code_id and k.state in ('reserved', 'issued', 'redeemed', 'expired')
		left   join (select distinct code_id, member_id from redemptions where not undone) u on u.code_id = k.id and (u.member_id = s.member_id or u.member_id is null)
		group  by s.campaign, s.step
		) l on l.campaign = m.campaign and l.step = m.step
		order  by m.campaign, m.step`,
		store.Args{"campaign": campaign, "since": since, "last": last, "within": int64(Within) * 24 * time.Hour.Microseconds()})
	return list, err
}

// countedResults is a SELECT of what mails came to, as it is counted when it happens: those
// of which the ledger no longer has the rows, too.
func countedResults(step string) string {
	return `
			select c.name as campaign, ` + step + ` as step,
			       cast(coalesce(sum(s.n) filter (where s.` + store.CountedSent + `), 0) as bigint) as sent,
			       cast(coalesce(sum(s.n) filter (where s.state = 'skipped'), 0) as bigint) as skipped,
			       cast(coalesce(sum(s.n) filter (where s.state = 'failed'), 0) as bigint) as failed,
			       cast(coalesce(sum(s.n) filter (where s.state = 'unknown'), 0) as bigint) as unknown,
			       cast(coalesce(sum(s.n) filter (where s.` + store.CountedPending + `), 0) as bigint) as pending
			from   counted s
			join   campaigns c on c.id = s.campaign_id
			where  s.day between @since and @last and (@campaign = '' or c.name = @campaign)
			group  by 1, 2 having sum(s.n) > 0`
}

// Reasons counts why members of a campaign were not mailed.
func Reasons(tx *store.Tx, campaign string, since loyalty.Day) (map[string]int64, error) {
	var rows []struct {
		Reason string
		N      int64
	}
	err := tx.All(&rows, `
		select k.reason, cast(sum(k.n) as bigint) as n
		from   counted k join campaigns c on c.id = k.campaign_id
		where  c.name = @campaign and k.state = 'skipped' and k.day >= @since
		group  by k.reason having sum(k.n) > 0`, store.Args{"campaign": campaign, "since": since})
	reasons := map[string]int64{}
	for _, r := range rows {
		reasons[r.Reason] = r.N
	}
	return reasons, err
}

// LeftOut is how many mails of a campaign were not sent for a reason.
type LeftOut struct {
	Campaign string `json:"campaign"`
	Reason   string `json:"reason"`
	N        int64  `json:"mails"`
}

// NotMailed counts why mails of all campaigns were not sent, the commonest first.
func NotMailed(tx *store.Tx, ask Ask) (list []LeftOut, err error) {
	err = tx.All(&list, `
		select c.name as campaign, s.reason, count(*) as n
		from   sends s join campaigns c on c.id = s.campaign_id
		where  s.state = 'skipped'
		group  by c.name, s.reason
		order  by 3 desc, 1, 2
		limit  @limit`, store.Args{"limit": ask.most(everything)})
	return list, err
}

// PoolUse is what became of a pool's codes.
type PoolUse struct {
	Pool     string `json:"pool"`
	Given    int64  `json:"given"`    // to members; of a shared code: how many were mailed it
	Redeemed int64  `json:"redeemed"` // codes; of a shared one: how often
	Expired  int64  `json:"expired"`
	Free     int64  `json:"free"` // in stock; a pool that makes codes as they are given has none
	Discount int64  `json:"discount_minor"`
}

// Pools returns every pool by name.
func Pools(tx *store.Tx) (list []PoolUse, err error) {
	err = tx.All(&list, `
		select p.name as pool,
		       case p.kind when 'shared' then (select count(distinct s.member_id) from sends s join codes k on k.id = s.code_id
		                                       where  k.pool_id = p.id and s.state in ('sent', 'bounced', 'complained'))
		                   else coalesce(c.given, 0) end as given,
		       case p.kind when 'shared' then coalesce(r.times, 0) else coalesce(c.redeemed, 0) - coalesce(r.undone, 0) end as redeemed,
		       coalesce(c.expired, 0) as expired, coalesce(c.free, 0) as free, coalesce(r.discount, 0) as discount
		from   pools p
		left   join (select pool_id,
		                    count(*) filter (where member_id is not null and state in ('reserved', 'issued', 'redeemed', 'expired')) as given,
		                    count(*) filter (where state = 'redeemed') as redeemed,
		                    count(*) filter (where state = 'expired') as expired,
		                    count(*) filter (where state = 'free') as free
		             from   codes group by pool_id) c on c.pool_id = p.id
		left   join (select pool_id, sum(times) as times, cast(sum(discount) as bigint) as discount,
		                    count(*) filter (where times = 0 and state = 'redeemed') as undone
		             from  (select r.pool_id, k.state, count(*) filter (where not r.undone) as times,
		                           coalesce(sum(r.discount) filter (where not r.undone), 0) as discount
		                    from   redemptions r join codes k on k.id = r.code_id
		                    group  by r.pool_id, r.code_id, k.state) u
		             group  by pool_id) r on r.pool_id = p.id
		order  by p.name`, nil)
	return list, err
}

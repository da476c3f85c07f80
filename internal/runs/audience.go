package runs

import (
	"fmt"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/rules"
	"regulars/internal/store"
)

// start is a start of a campaign for everybody whom it is for.
type start struct {
	key    string      // of the occurrence
	day    loyalty.Day // the date by which an issue is chosen
	zone   string      // whose members; "": all
	values map[string]any
	by     string
	limit  int  // at most so many mails; 0: all
	held   bool // it begins paused: a person decides
}

// ForMany reports whether a start is one for everybody at once.
func ForMany(kind string) bool { return kind == "at" || kind == "every" || kind == "launch" }

// Audience says who gets a run's mail and who does not.
type Audience struct {
	Mailed  int64            `json:"mailed"`
	LeftOut map[string]int64 `json:"left_out"` // reason → members of the segment
	Pool    string           `json:"pool,omitempty"`
	Codes   int64            `json:"codes"` // that it takes from the pool
	Stock   int64            `json:"stock"` // codes that the pool could give before; -1: as many as needed

	Capped     int64 `json:"capped,omitempty"`      // of those mailed: who have reached a cap by now
	CappedWait bool  `json:"capped_wait,omitempty"` // their mail waits; false: it is skipped

	Gives    string `json:"gives,omitempty"`    // what a code is good for, in words
	Cost     int64  `json:"cost,omitempty"`     // of all codes if all are used, minor units; 0: depends on the orders
	Budget   int64  `json:"budget,omitempty"`   // of the pool, minor units; 0: no limit
	Currency string `json:"currency,omitempty"` // of Cost and Budget
}

// tally is how many members a reason leaves out; "": who gets the mail.
type tally struct {
	Reason string
	N      int64
}

// count tells an audience by how many members each reason leaves out.
func (a *Audience) count(reasons map[string]int64) {
	a.Mailed, a.LeftOut = reasons[""], map[string]int64{}
	for reason, n := range reasons {
		if reason != "" {
			a.LeftOut[reason] = n
		}
	}
}

// all is everybody of the audience, also those who do not get the mail.
func (a *Audience) all() int64 {
	n := a.Mailed
	for _, some := range a.LeftOut {
		n += some
	}
	return n
}

func byReason(rows []tally) map[string]int64 {
	reasons := make(map[string]int64, len(rows))
	for _, row := range rows {
		reasons[row.Reason] = row.N
	}
	return reasons
}

// countRun tells a frozen audience, as it was counted.
func (a *Audience) countRun(tx *store.Tx, run int64) error {
	var rows []tally
	err := tx.All(&rows, "select reason, cast(sum(n) as bigint) as n from counted where run_id = @run and run_id <> 0 group by reason", store.Args{"run": run})
	a.count(byReason(rows))
	return err
}

// stock says of the pool of the campaign's first mail what it gives and how many codes
// there are.
func (a *Audience) stock(t isolation.Turn) error {
	name := t.C.Steps[0].Coupon
	if name == "" {
		return nil
	}
	pools, err := coupon.Statuses(t.Tx, t.V.Day(t.Tx.At))
	for _, p := range pools {
		if p.Name == name {
			a.Pool, a.Stock, a.Gives, a.Cost, a.Budget, a.Currency = name, p.Left, p.Gives(t.V.Program.Currency), p.Cost(), p.Budget, t.V.Program.Currency
		}
	}
	return err
}

// spend says how many codes are given. Until then Cost is that of one.
func (a *Audience) spend(codes int64) { a.Codes, a.Cost = codes, a.Cost*codes }

// capped counts the members that a SELECT of member_id names who have reached a
// cap: their mail is skipped, or waits.
func (a *Audience) capped(t isolation.Turn, members string, args store.Args) error {
	a.CappedWait = t.C.Capped.Defer > 0
	if t.C.Class != loyalty.Offer || len(t.V.Program.Caps) == 0 {
		return nil
	}
	free := consent.Under(t.V.Program.Caps, t.Tx.At, args)
	err := t.Tx.One(&a.Capped, "select count(*) from recent_mails where not ("+free+") and member_id in ("+members+")", args)
	if err != nil {
		return fmt.Errorf("who has reached a cap: %w", err)
	}
	return nil
}

// audience is a SELECT of member_id and reason: "" for those who get the mail.
// q has the parameters campaign and day.
func (s start) audience(t isolation.Turn, q *rules.Question, step program.Step) string {
	q.As.Launch = s.values
	conditions := []string{rules.Present, inZone(t, s.zone, q.Args), q.Holds(t.C.For), q.Fails(t.C.Except), q.Holds(step.If)}
	if !t.C.Again.Each { // who had it does not get it again, or not for a while
		had := "select 1 from sends s where s.member_id = f.member_id and s.campaign_id = @campaign and s.state <> 'skipped'"
		if t.C.Again.After > 0 {
			q.Args["again"] = q.Args["day"].(int64) - int64(t.C.Again.After)
			had += " and s.day > @again"
		}
		conditions = append(conditions, "not exists ("+had+")")
	}
	if t.C.Start.ByMember { // nor the same date in another zone
		q.Args["date"] = s.day.String() + "%"
		conditions = append(conditions, `not exists (select 1 from sends s join occurrences o on o.id = s.occurrence_id
			where s.member_id = f.member_id and o.campaign_id = @campaign and o.key like @date)`)
	}
	// Most addresses are one member's. The others alone are sorted, to find the first of
	// each who gets the mail: to sort everybody by address takes longer than all else.
	all := `
			with g as materialized (
				select w.member_id, case when w.why = '' and w.held_out then 'holdout' else w.why end as reason,
				       case when w.why = '' and not w.held_out
				            and  w.email_key in (select email_key from members where email_key is not null group by email_key having count(*) > 1)
				            then w.email_key end as shared
				from  (select f.member_id, m.email_key, ` + consent.LeftOut(t.C.Class, t.C.TopicOf(step)) + ` as why, ` + t.C.HeldOut("f.member_id") + ` as held_out
				       from   facts f join members m on m.id = f.member_id
				       where  ` + strings.Join(conditions, "\n\t\t\t\t       and    ") + `) w)
			select g.member_id,
			       case when g.shared is not null
			            and  g.member_id in (select k.member_id
			                                 from  (select member_id, row_number() over (partition by shared order by member_id) as place from g where shared is not null) k
			                                 where  k.place > 1)
			            then 'same_address' else g.reason end as reason
			from   g`
	if s.limit == 0 {
		return all
	}
	q.Args["limit"] = s.limit
	return `
		select l.member_id, l.reason
		from  (select n.member_id, n.reason, row_number() over (partition by n.reason order by n.member_id) as place from (` + all + `) n) l
		where  l.reason <> '' or l.place <= @limit`
}

// inZone is the condition that a member m belongs to the run of a zone.
func inZone(t isolation.Turn, zone string, args store.Args) string {
	if !t.C.Start.ByMember {
		return "true"
	}
	args["zone"] = zone
	if zone == t.V.Program.Zone.String() {
		return "m.time_zone not in (select z.zone from timetable z where z.campaign_id = @campaign and z.zone <> @zone)"
	}
	return "m.time_zone = @zone"
}

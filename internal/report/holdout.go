package report

import (
	"fmt"
	"math"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/plot"
	"regulars/internal/store"
)

// HeldOut is what a campaign changed, by its holdout: how many of those whom it was for
// ordered within days of its start, and how many of those who got nothing on purpose.
type HeldOut struct {
	Campaign   string  `json:"campaign"`
	Members    int64   `json:"members"` // starts of members who were not held out, whatever became of their mail
	Ordered    int64   `json:"ordered"`
	Spent      int64   `json:"spent_minor"` // by them, less refunds
	Held       int64   `json:"held_out"`    // starts of members who were
	HeldOrder  int64   `json:"held_out_ordered"`
	HeldSpent  int64   `json:"held_out_spent_minor"`
	Difference float64 `json:"difference"` // of the shares who ordered
	Low        float64 `json:"low"`        // … which is no less than this in 95 of 100 cases
	High       float64 `json:"high"`       // … and no more than this
}

// Sure reports whether the difference is more than chance explains.
func (h HeldOut) Sure() bool { return h.Low > 0 || h.High < 0 }

// Holdouts returns the campaigns that held somebody out, of whose starts the days within
// which an order counts are over by the end of a day. Both groups are those for whom the
// campaign started at all, between the first and the last who was held out: who lacked
// consent or reached a cap is in both or in neither, so that they differ by chance and by
// the campaign alone.
func Holdouts(tx *store.Tx, day loyalty.Day) (list []HeldOut, err error) {
	zone, err := tx.Zone()
	if err != nil {
		return nil, err
	}
	until := loyalty.At((day + 1 - Within).Start(zone))
	err = tx.All(&list, `
		with starts as (
			select r.campaign_id, s.member_id, r.started_at as at, s.state = 'skipped' as held
			from   runs r
			join   sends s on s.occurrence_id = r.occurrence_id and s.step = r.step
			where  (s.state <> 'skipped' or s.reason = 'holdout') and r.started_at < `+tx.Instant("@until")+`
			union  all
			select p.campaign_id, p.member_id, p.started_at, p.reason = 'holdout'
			from   passages p
			where  p.state <> 'recorded' and p.started_at < `+tx.Instant("@until")+`
			and    not exists (select 1 from runs r where r.occurrence_id = p.occurrence_id) -- a reminder of the run's
		),
		spans as (select campaign_id, min(at) as first, max(at) as last from starts where held group by campaign_id),
		after as (
			select s.campaign_id, s.held, count(o.id) > 0 as ordered, coalesce(sum(o.total - o.refunded), 0) as spent
			from   spans x
			join   starts s on s.campaign_id = x.campaign_id and s.at between x.first and x.last
			left   join orders o on o.member_id = s.member_id and o.counts
			       and `+tx.Micros("o.at")+` > `+tx.Micros("s.at")+` and `+tx.Micros("o.at")+` <= `+tx.Micros("s.at")+` + @within
			group  by s.campaign_id, s.member_id, s.at, s.held
		)
		select c.name as campaign,
		       count(*) filter (where not a.held) as members, count(*) filter (where not a.held and a.ordered) as ordered,
		       cast(coalesce(sum(a.spent) filter (where not a.held), 0) as bigint) as spent,
		       count(*) filter (where a.held) as held, count(*) filter (where a.held and a.ordered) as held_order,
		       cast(coalesce(sum(a.spent) filter (where a.held), 0) as bigint) as held_spent
		from   after a
		join   campaigns c on c.id = a.campaign_id
		group  by c.name
		order  by c.name`, store.Args{"until": until, "within": int64(Within) * 24 * time.Hour.Microseconds()})
	if err != nil {
		return nil, fmt.Errorf("what holdouts say: %w", err)
	}
	for i := range list {
		h := &list[i]
		h.Difference, h.Low, h.High = difference(h.Ordered, h.Members, h.HeldOrder, h.Held)
	}
	return list, nil
}

// difference is that of two shares, and its 95 % interval: Newcombe, Statistics in
// Medicine 17 (1998) 873, method 10, from Wilson's of each. Of nobody nothing is known.
func difference(a, m, b, n int64) (d, low, high float64) {
	if m == 0 || n == 0 {
		return 0, -1, 1
	}
	p, q := float64(a)/float64(m), float64(b)/float64(n)
	pLow, pHigh := wilson(float64(a), float64(m))
	qLow, qHigh := wilson(float64(b), float64(n))
	d = p - q
	return d, d - math.Hypot(p-pLow, qHigh-q), d + math.Hypot(pHigh-p, q-qLow)
}

// HoldoutNote is what whoever reads it should know.
var HoldoutNote = fmt.Sprintf("Of starts that are %d days ago or more: who ordered within %d days. In 95 of 100 cases the difference is between the two figures; where one is above zero and the other below, it may be chance.", Within, Within)

func holdoutReport(tx *store.Tx, ask Ask) (Table, error) {
	t, err := listed("CAMPAIGN|MEMBERS|ORDERED|SPENT EACH|HELD OUT|ORDERED|SPENT EACH|DIFFERENCE|FROM|TO",
		func(tx *store.Tx, ask Ask) ([]HeldOut, error) { return Holdouts(tx, ask.Day) },
		func(ask Ask, h HeldOut) []any {
			return []any{h.Campaign, h.Members, percent(ratio(h.Ordered, h.Members)), ask.money(perMember(h.Spent, h.Members)),
				h.Held, percent(ratio(h.HeldOrder, h.Held)), ask.money(perMember(h.HeldSpent, h.Held)), inPoints(h.Difference), inPoints(h.Low), inPoints(h.High)}
		})(tx, ask)
	t.Note = HoldoutNote
	return t, err
}

// perMember is a sum for each of so many.
func perMember(sum, of int64) int64 { return int64(math.Round(ratio(sum, of))) }

// inPoints is a difference of shares, in percentage points.
func inPoints(d float64) string { return fmt.Sprintf("%+.1f", 100*d) }

func drawHoldout(ask Ask, value any) string {
	s := plot.Intervals{
		Title: "What campaigns changed", Narrow: ask.Narrow, Ticks: inPoints,
		Says: fmt.Sprintf("By how many percentage points more members ordered within %d days than of those who got nothing on purpose, and between which figures that is in 95 of 100 cases, as of %s.", Within, ask.Day),
	}
	for _, h := range value.([]HeldOut) {
		text := inPoints(h.Difference)
		if !h.Sure() {
			text += ", may be chance"
		}
		s.Rows = append(s.Rows, plot.Interval{Label: h.Campaign, Value: h.Difference, Low: h.Low, High: h.High, Text: text, Light: !h.Sure()})
	}
	return s.SVG()
}

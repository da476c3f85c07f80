package demo

import (
	"context"
	"fmt"
	"io"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
)

// Summary is what came of the days that were played, counted from the database.
type Summary struct {
	First     string           `json:"first_day" gorm:"-"`
	Last      string           `json:"last_day" gorm:"-"`
	Members   int64            `json:"members"`
	Known     int64            `json:"known"`
	Joined    int64            `json:"joined"` // in these days
	Orders    int64            `json:"orders"`
	Revenue   int64            `json:"revenue_minor"`
	Mails     int64            `json:"mails"`
	Campaigns []report.Result  `json:"campaigns" gorm:"-"`
	Milestone []Reached        `json:"milestones" gorm:"-"`
	WinBack   WinBack          `json:"win_back" gorm:"-"`
	Pools     []report.PoolUse `json:"pools" gorm:"-"`
	Beans     Beans            `json:"beans" gorm:"-"`
	LeftOut   []Reason         `json:"left_out" gorm:"-"`
}

// Reached is how many members were thanked for a milestone.
type Reached struct {
	Key string `json:"milestone"` // orders:5
	N   int64  `json:"members"`
}

// WinBack compares members who had gone quiet and were written to with the
// holdout, who on purpose were not.
type WinBack struct {
	Written        int64 `json:"written"`
	WrittenOrdered int64 `json:"written_ordered"`
	Holdout        int64 `json:"holdout"`
	HoldoutOrdered int64 `json:"holdout_ordered"`
}

// Reason is why mails were not sent.
type Reason struct {
	Reason string `json:"reason"`
	N      int64  `json:"mails"`
}

func summarise(ctx context.Context, db *store.DB, first, last loyalty.Day) (s Summary, err error) {
	err = db.View(ctx, func(tx *store.Tx) error { return s.count(tx, first) })
	s.First, s.Last = first.String(), last.String()
	return s, err
}

func (s *Summary) count(tx *store.Tx, first loyalty.Day) error {
	args := store.Args{"first": first}
	err := tx.One(s, `
		select count(*) filter (where joined_at is not null) as members,
		       count(*) filter (where joined_at is null) as known,
		       count(*) filter (where joined_day >= @first) as joined,
		       (select count(*) from orders where counts and day >= @first) as orders,
		       (select cast(coalesce(sum(total - refunded), 0) as bigint) from orders where counts and day >= @first) as revenue,
		       (select count(*) from sends where state = 'sent') as mails
		from   members where merged_into is null`, args)
	if err != nil {
		return err
	}
	if s.Campaigns, err = report.Results(tx, "", 0); err != nil {
		return err
	}
	if s.Pools, err = report.Pools(tx); err != nil {
		return err
	}
	err = tx.All(&s.Milestone, `
		select o.key, count(*) as n
		from   sends s join occurrences o on o.id = s.occurrence_id join campaigns c on c.id = s.campaign_id
		where  c.name = 'milestone' and s.state = 'sent'
		group  by o.key
		order  by min(length(o.key)), o.key`, nil)
	if err != nil {
		return err
	}
	err = tx.All(&s.LeftOut, "select reason, count(*) as n from sends where state = 'skipped' group by reason order by 2 desc", nil)
	if err != nil {
		return err
	}
	if err := s.Beans.count(tx); err != nil {
		return err
	}
	return s.winBack(tx)
}

// winBack counts passages of the win-back by whether the member was in the
// holdout, and how many of each ordered within 30 days.
func (s *Summary) winBack(tx *store.Tx) error {
	var groups []struct {
		Holdout    bool
		N, Ordered int64
	}
	err := tx.All(&groups, `
		select p.reason = 'holdout' as holdout, count(*) as n,
		       count(*) filter (where exists (
		           select 1 from orders o
		           where  o.member_id = p.member_id and o.counts and o.day >= p.day and o.day <= p.day + 30)) as ordered
		from   passages p join campaigns c on c.id = p.campaign_id
		where  c.name = 'win-back'
		and   (p.reason = 'holdout' or exists (
		           select 1 from sends s
		           where  s.occurrence_id = p.occurrence_id and s.member_id = p.member_id and s.state = 'sent'))
		group  by 1`, nil)
	for _, g := range groups {
		if g.Holdout {
			s.WinBack.Holdout, s.WinBack.HoldoutOrdered = g.N, g.Ordered
		} else {
			s.WinBack.Written, s.WinBack.WrittenOrdered = g.N, g.Ordered
		}
	}
	return err
}

// Print tells the summary to a marketer.
func (s Summary) Print(w io.Writer) {
	say := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	say("Harbour Coffee, %s to %s: %d members, %d more known from orders only.", s.First, s.Last, s.Members, s.Known)
	say("%d joined, %d orders came in for %s, and %d mails went out.", s.Joined, s.Orders, euros(s.Revenue), s.Mails)
	say("")
	say("%-14s %7s %9s   %s %7s %9s", "campaign", "mailed", "left out", within, "codes", "redeemed")
	for _, c := range s.Campaigns {
		codes, redeemed := fmt.Sprint(c.Codes), fmt.Sprint(c.Redeemed)
		if c.Codes == 0 {
			codes, redeemed = "–", "–"
		}
		say("%-14s %7d %9d   %*s %7s %9s", c.Campaign, c.Sent, c.Skipped, len(within), share(c.Ordered, c.Mailed), codes, redeemed)
	}
	say("")
	if len(s.Milestone) > 0 {
		say("Thanked for their %s.", s.milestones())
	}
	say("Win-back: %d members who had gone quiet were written to; %s ordered again within 30 days.", s.WinBack.Written, share(s.WinBack.WrittenOrdered, s.WinBack.Written))
	say("The holdout, not written to on purpose: %d members; %s ordered again.", s.WinBack.Holdout, share(s.WinBack.HoldoutOrdered, s.WinBack.Holdout))
	for _, p := range s.Pools {
		if p.Pool == "drop" {
			say("The drop gave %d codes, each its own; %d were redeemed, for %s of discount.", p.Given, p.Redeemed, euros(p.Discount))
		}
	}
	s.Beans.print(say)
	if len(s.LeftOut) > 0 {
		var parts []string
		for _, r := range s.LeftOut {
			parts = append(parts, fmt.Sprintf("%d %s", r.N, reason(r.Reason)))
		}
		say("Mails not sent, with the reason: %s.", strings.Join(parts, ", "))
	}
}

// within is the head of the column of orders.
const within = "ordered within 14 days"

// milestones says how many were thanked for which order: "5th order: 336, 10th: 110".
func (s Summary) milestones() string {
	var parts []string
	for i, m := range s.Milestone {
		part := strings.TrimPrefix(m.Key, "orders:") + "th" // 5, 10 and every 10 from there
		if i == 0 {
			part += " order"
		}
		parts = append(parts, fmt.Sprintf("%s: %d", part, m.N))
	}
	return strings.Join(parts, ", ")
}

// reason says in a marketer's words why a mail was not sent.
func reason(r string) string {
	switch r {
	case "no_consent":
		return "had not agreed to such mails"
	case "capped":
		return "had just had another"
	case "rule_left", "until":
		return "were no longer meant"
	case "late":
		return "came too late"
	}
	return "were left out: " + strings.ReplaceAll(r, "_", " ")
}

func share(n, of int64) string {
	if of == 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d (%.0f %%)", n, 100*float64(n)/float64(of))
}

// euros shows an amount with its thousands set off.
func euros(minor int64) string {
	return loyalty.Thousands(loyalty.FormatMoney(minor, "EUR"), ",") + " EUR"
}

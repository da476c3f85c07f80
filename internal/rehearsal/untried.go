package rehearsal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/segments"
)

// known is what the past tells of.
type known struct {
	members, joined, orders, points, birthdays, refunds int64
	byHand, claims                                      int64            // points booked by hand or brought in, and rewards
	events                                              map[string]int64 // by type, of the days that are played
	dates                                               map[string]int64 // by attribute, members who have it
}

// untried says of the campaigns without a mail which the past could not start, and
// of all what their rules read that nobody does in a rehearsal.
func (r Rehearsal) untried(ctx context.Context, o *Outcome) error {
	k, err := r.known(ctx)
	if err != nil {
		return err
	}
	if r.keepsPoints() && k.byHand+k.claims > 0 {
		o.Notes = append(o.Notes, fmt.Sprintf("points are booked as orders and events earn them: %d that were booked by hand or from a file and %d rewards of the past are not played", k.byHand, k.claims))
	}
	for _, c := range r.Program.Program.Campaigns {
		of := o.Campaigns[c.Name]
		if of.Mails == 0 && len(of.Skipped) == 0 {
			of.NotTried = r.reason(c, k)
		}
		of.Notes = notes(r.Program.Program, c)
	}
	return nil
}

func (r Rehearsal) known(ctx context.Context) (k known, err error) {
	k.events, k.dates = map[string]int64{}, map[string]int64{}
	args := store.Args{"from": int64(r.From), "to": int64(r.To)}
	days := "day >= @from and day <= @to"
	err = r.Past.View(ctx, func(tx *store.Tx) error {
		for into, query := range map[*int64]string{
			&k.members:   "select count(*) from members where merged_into is null and erased_at is null",
			&k.joined:    "select count(*) from members where joined_day >= @from and joined_day <= @to",
			&k.orders:    "select count(*) from orders where counts and day <= @to",
			&k.points:    "select count(*) from point_changes where " + days,
			&k.birthdays: "select count(*) from members where birth_month is not null",
			&k.byHand:    "select count(*) from entries where kind = 'adjust' and day <= @to",
			&k.claims:    "select count(*) from claims where source not in ('card', 'referral') and day <= @to",
			&k.refunds:   "select count(*) from refunds f join orders o on o.id = f.order_id where o.day <= @to",
		} {
			if err := tx.One(into, query, args); err != nil {
				return err
			}
		}
		var types []struct {
			Type string
			N    int64
		}
		err := tx.All(&types, "select type, count(*) as n from events where "+days+" group by type union all select 'order.placed', count(*) from orders where counts and "+days, args)
		if err != nil {
			return err
		}
		for _, t := range types {
			k.events[t.Type] += t.N
		}
		k.events[loyalty.OrderRefunded] += k.refunds
		for name, kind := range r.Program.Program.Attributes {
			if kind != segments.Date {
				continue
			}
			var n int64
			if err := tx.One(&n, "select count(*) from members where attributes ->> @name is not null", store.Args{"name": name}); err != nil {
				return err
			}
			k.dates[name] = n
		}
		return nil
	})
	return k, err
}

// reason says why the past could not start a campaign; "" where it could.
func (r Rehearsal) reason(c *program.Campaign, k known) string {
	everyone := "; --everyone takes each first order for joining"
	switch start := c.Start; {
	case start.Kind == "launch":
		return "it is started by hand, and a rehearsal launches nothing"
	case start.Kind == "asks":
		return "whoever joined in the past has confirmed it"
	case start.Kind == "at" && (start.Date < r.From || start.Date > r.To):
		return fmt.Sprintf("it starts on %s, which is not among these days", start.Date)
	case k.members == 0:
		return "no members are known"
	case start.Kind == "joins" && k.joined == 0 && !r.Everyone:
		return "nobody is known to have joined in these days" + everyone
	case start.Kind == "event" && slices.Contains(loyalty.OwnEvents, start.Event):
		return fmt.Sprintf("no event %s came about in these days", start.Event)
	case start.Kind == "event" && k.events[start.Event] == 0:
		return fmt.Sprintf("no event %s is known of these days", start.Event)
	case start.Kind == "milestone" && start.Figure.Kind == "points" && k.points == 0 && !r.keepsPoints():
		return "no change of points is known of these days"
	case start.Kind == "milestone" && (start.Figure.Kind != "points" || r.keepsPoints()) && k.orders == 0:
		return "no orders are known"
	case start.Kind == "yearly" && start.Field == "birthday" && k.birthdays == 0:
		return "no birthdays are known"
	case r.Program.Program.ExpireOn(start.Field):
		return "no points were about to end in these days"
	case start.Kind == "date" && k.dates[start.Field] == 0:
		return fmt.Sprintf("no member is known to have a %s", start.Field)
	}
	return ""
}

// keepsPoints says whether the program books points itself.
func (r Rehearsal) keepsPoints() bool {
	l := r.Program.Program.Loyalty
	return l != nil && l.Points != nil
}

// unplayed are what rules may read of mails and codes that a rehearsal does not
// bring about.
var unplayed = []string{"clicked", "opened", "mails_clicked", "mails_opened", "days_since_click", "days_since_open", "used_code", "codes_used"}

// notes say what a campaign's rules read that nobody does in a rehearsal.
func notes(p *program.Program, c *program.Campaign) []string {
	rules := []*segments.Rule{c.For, c.Except, c.Start.Where}
	for _, s := range p.Segments {
		if s.Name == c.Start.Segment {
			rules = append(rules, s.Rule)
		}
	}
	for _, u := range c.Until {
		rules = append(rules, u.Rule)
	}
	for _, s := range c.Steps {
		rules = append(rules, s.If)
		for _, choice := range s.Choose {
			rules = append(rules, choice.If)
		}
	}
	var read []string
	for _, rule := range rules {
		if rule == nil {
			continue
		}
		for _, field := range rule.Reads() {
			if slices.Contains(unplayed, field) && !slices.Contains(read, field) {
				read = append(read, field)
			}
		}
	}
	if read == nil {
		return nil
	}
	return []string{fmt.Sprintf("its rules read %s: in a rehearsal nobody opens or clicks a mail or uses a code", strings.Join(read, " and "))}
}

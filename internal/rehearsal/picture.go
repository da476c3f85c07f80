package rehearsal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/plot"
)

// MailDay is a day on which mails go out.
type MailDay struct {
	Day       string // 2027-01-31
	Mails     int64
	Campaigns []CampaignDay // those that send, the most first
}

// CampaignDay is how much of it is a campaign's.
type CampaignDay struct {
	Campaign string
	Mails    int64
}

// Words are the campaigns of the day with their mails.
func (d MailDay) Words() string {
	var parts []string
	for _, c := range d.Campaigns {
		parts = append(parts, fmt.Sprintf("%s %d", c.Campaign, c.Mails))
	}
	return strings.Join(parts, ", ")
}

// Days are those on which mails go out, in their order.
func (o Outcome) Days() (days []MailDay) {
	of := map[string]*MailDay{}
	for _, name := range slices.Sorted(maps.Keys(o.Campaigns)) {
		for day, n := range o.Campaigns[name].ByDay {
			if n == 0 {
				continue
			}
			if of[day] == nil {
				of[day] = &MailDay{Day: day}
			}
			of[day].Mails += n
			of[day].Campaigns = append(of[day].Campaigns, CampaignDay{name, n})
		}
	}
	for _, day := range slices.Sorted(maps.Keys(of)) {
		slices.SortStableFunc(of[day].Campaigns, func(a, b CampaignDay) int { return cmp.Compare(b.Mails, a.Mails) })
		days = append(days, *of[day])
	}
	return days
}

// Mails is how many go out in all.
func (o Outcome) Mails() (n int64) {
	for _, c := range o.Campaigns {
		n += c.Mails
	}
	return n
}

// SVG draws the days as a calendar, Slim the same for a narrow screen.
func (o Outcome) SVG() string { return o.calendar(false).SVG() }

func (o Outcome) Slim() string { return o.calendar(true).SVG() }

func (o Outcome) calendar(narrow bool) plot.Calendar {
	days := o.Days()
	c := plot.Calendar{Narrow: narrow, Title: "Mails on each day", Says: fmt.Sprintf("How many mails go out on each day from %s to %s: %d in all.", o.From, o.To, o.Mails())}
	if len(days) > 0 {
		busiest := slices.MaxFunc(days, func(a, b MailDay) int { return cmp.Compare(a.Mails, b.Mails) })
		c.Says += fmt.Sprintf(" The most go out on %s: %d.", busiest.Day, busiest.Mails)
	}
	from, err := loyalty.ParseDay(o.From)
	to, end := loyalty.ParseDay(o.To)
	if err != nil || end != nil {
		return c // of what nobody played
	}
	c.From = from.UTC()
	for day := from; day <= to; day++ {
		of := plot.CalendarDay{Title: day.String() + ": no mails"}
		if len(days) > 0 && days[0].Day == day.String() {
			of = plot.CalendarDay{Value: float64(days[0].Mails), Title: fmt.Sprintf("%s: %d mails (%s)", day, days[0].Mails, days[0].Words())}
			days = days[1:]
		}
		c.Days = append(c.Days, of)
	}
	return c
}

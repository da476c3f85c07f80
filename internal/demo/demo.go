// Package demo plays a made-up coffee roaster in fast motion: people with habits
// join, order, fade away and read their mails, and the real engine does what it
// does for a real shop. Only the clock is stepped and only the people are made
// up: events go in by intake, mails leave over SMTP, and every figure of the
// summary is counted from the database.
//
// It leaves to its caller where the database, the relay and the clock come from.
package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"regulars/internal/apply"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/runs"
	"regulars/internal/store"
	"regulars/templates"
)

// Play is one showing.
type Play struct {
	DB     *store.DB // its business time is Clock's
	Clock  *engine.Clock
	Intake *intake.Intake
	Engine *engine.Engine

	Days   int       // how many are played
	People int       // customers in all
	Seed   uint64    // the same seed plays the same shop
	End    time.Time // where the last day ends

	Progress func(day, days int) // may be nil
}

// zone is where the roaster is.
const zone = "Europe/Helsinki"

// opening hours at which the shop's system tells us what happened since.
var tellings = []int{10, 13, 16, 19, 22}

// Run plays all days and returns what came of them.
func (p Play) Run(ctx context.Context) (Summary, error) {
	home, err := time.LoadLocation(zone)
	if err != nil {
		return Summary{}, err
	}
	last := loyalty.DayOf(p.End, home)
	first := last - loyalty.Day(p.Days)
	begin := first.Start(home)
	p.Clock.Set(begin)
	s := newShop(p.Seed, p.People, begin, p.End)
	if err := p.open(ctx, s, first, begin); err != nil {
		return Summary{}, err
	}
	for day := first; day < last; day++ {
		if err := p.day(ctx, s, day, int(day-first), home); err != nil {
			return Summary{}, err
		}
		if p.Progress != nil {
			p.Progress(int(day-first)+1, p.Days)
		}
	}
	if err := p.Engine.Advance(ctx, p.Clock, p.End); err != nil {
		return Summary{}, err
	}
	return summarise(ctx, p.DB, first, last)
}

// open puts the program in force and takes in the year before.
func (p Play) open(ctx context.Context, s *shop, first loyalty.Day, begin time.Time) error {
	files, err := program(first, p.Days)
	if err != nil {
		return err
	}
	err = p.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := apply.Apply(tx, files, "demo", "the made-up shop")
		return err
	})
	if err != nil {
		return fmt.Errorf("applying the demo's program: %w", err)
	}
	history := s.until(begin)
	for len(history) > 0 {
		n := min(len(history), 1000)
		if err := p.tell(ctx, history[:n], intake.History); err != nil {
			return err
		}
		history = history[n:]
	}
	return p.Engine.Settle(ctx)
}

// day plays one day: customers do what they do, the shop tells us a few times,
// and mails that arrived in between are read.
func (p Play) day(ctx context.Context, s *shop, day loyalty.Day, n int, home *time.Location) error {
	for _, hour := range tellings {
		t := loyalty.Wall(day, hour, 0, home)
		if t.After(p.End) {
			return nil
		}
		if err := p.Engine.Advance(ctx, p.Clock, t); err != nil {
			return err
		}
		if err := p.tell(ctx, s.until(t), intake.Live); err != nil {
			return err
		}
		if n == p.Days/2 && hour == tellings[0] {
			if err := p.drop(ctx); err != nil {
				return err
			}
		}
		if err := p.Engine.Settle(ctx); err != nil {
			return err
		}
		if err := p.read(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (p Play) tell(ctx context.Context, events []loyalty.Event, mode intake.Mode) error {
	if len(events) == 0 {
		return nil
	}
	results, err := p.Intake.Apply(ctx, events, mode)
	if err != nil {
		return err
	}
	for i, r := range results {
		if r.State == intake.Refused {
			return fmt.Errorf("the demo's event %s was refused: %s: %s", events[i].ID, r.Field, r.Reason)
		}
	}
	return nil
}

// drop is what the marketer does in the middle of the season.
func (p Play) drop(ctx context.Context) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := runs.Launch(tx, runs.LaunchRequest{
			Campaign: "coupon-drop", By: "Anna, marketing",
			Values: map[string]string{"headline": "The new harvest is here"},
		})
		return err
	})
}

// read has the customers look into their inboxes.
func (p Play) read(ctx context.Context, s *shop) error {
	var letters []struct {
		ID, Row                      int64
		Member, Campaign, Step, Code string
	}
	err := p.DB.View(ctx, func(tx *store.Tx) error {
		return tx.All(&letters, `
			select s.id, m.id as row, m.external_id as member, c.name as campaign, s.step, coalesce(k.code, '') as code
			from   sends s
			join   members m on m.id = s.member_id
			join   campaigns c on c.id = s.campaign_id
			left   join codes k on k.id = s.code_id
			where  s.id > @read - 2000 and s.state = 'sent' and s.handed_at > @since
			order  by s.id`, store.Args{"read": s.readTo, "since": s.readAt})
	})
	if err != nil {
		return err
	}
	for _, l := range letters {
		s.readTo = max(s.readTo, l.ID)
		came := letter{l.Member, l.Campaign, l.Step, l.Code, p.Clock.Now()}
		if !s.tempted(came) {
			continue
		}
		if speaksOfBeans[l.Campaign] {
			if came.code, err = p.claim(ctx, l.ID, l.Row); err != nil {
				return err
			}
		}
		s.answer(came)
	}
	s.readAt = loyalty.At(p.Clock.Now())
	return nil
}

// program is the library's starter, filled in for the roaster and live, with what it
// gives for loyalty.
func program(first loyalty.Day, days int) (map[string]string, error) {
	files, err := templates.Starter(campaigns...)
	if err != nil {
		return nil, err
	}
	files["loyalty.yaml"] = fmt.Sprintf(beans, first-365)
	files["pools.yaml"] += bags
	files["campaigns/milestone/thank-you.en.md"] = strings.Replace(files["campaigns/milestone/thank-you.en.md"], "\n*With thanks", balance+"\n*With thanks", 1)
	files["program.yaml"] = strings.NewReplacer(
		`{name: Your Shop, url: https://shop.example, address: "Street 1, 00100 City"}`,
		`{name: Harbour Coffee, url: https://harbour.example, address: "Harbour Street 2, 00140 Helsinki"}`,
		`"Your Shop <hello@shop.example>", reply_to: hello@shop.example, alerts: you@shop.example`,
		`"Harbour Coffee <hello@harbour.example>", reply_to: hello@harbour.example, alerts: anna@harbour.example`,
	).Replace(files["program.yaml"])
	for file, text := range files {
		if strings.HasSuffix(file, "/campaign.yaml") {
			files[file] = "live: true\n" + strings.Replace(text, "existing: none", "existing: 25 per day", 1)
		}
		if strings.HasPrefix(file, "campaigns/newsletter/issues/") {
			delete(files, file)
			for _, day := range issueDays(first, days) {
				files["campaigns/newsletter/issues/"+day.String()+".en.md"] = issueOf(text, day)
			}
		}
	}
	return files, nil
}

// issueOf is the library's newsletter of January, as the shop would write it for
// another month.
func issueOf(text string, day loyalty.Day) string {
	month, next := day.UTC().Month(), (day.UTC().Month())%12+1
	text = strings.ReplaceAll(text, "Thursday 7 January 2027", day.UTC().Format("Monday 2 January 2006"))
	if month == time.January {
		return text
	}
	return strings.NewReplacer(
		"New year, new arrivals", "New in "+month.String(),
		"A good new year", "Hello from the harbour",
		"In February we take stock", "In "+next.String()+" we take stock",
	).Replace(text)
}

// issueDays are a Thursday every four weeks.
func issueDays(first loyalty.Day, days int) (list []loyalty.Day) {
	day := first + 7
	for day.Weekday() != time.Thursday {
		day++
	}
	for ; day < first+loyalty.Day(days); day += 28 {
		list = append(list, day)
	}
	return list
}

package rehearsal_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/rehearsal"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// played is a program with campaigns of every kind of start, which reads whatever
// the past may tell.
func played(t *testing.T, changes ...func(files map[string]string)) program.Version {
	t.Helper()
	files := map[string]string{
		"program.yaml": `
shop: {name: Anna's Pets, url: https://shop.example, address: "Kauppakatu 1, Helsinki"}
mail: {from: "Anna <anna@shop.example>"}
languages: [en]
currency: EUR
zone: UTC
attributes: {plan: text, renewal: date}
`,
		"segments.yaml": "rich: spent >= 100\nclub: tag(\"club\")\n",
		"loyalty.yaml":  "tiers:\n  silver: {when: spent(\"12m\") >= 100.00, keep: 12m}\n",
		"pools.yaml": "short: {kind: imported, amount: 5, valid_for: 30d, stock: 2}\n" +
			"file: {kind: generated, pattern: \"F-########\", amount: 5, valid_for: 30d, checkout: file}\n",
	}
	for name, text := range map[string]string{
		"wish":     "start: {event: wishlist.added, where: event.size >= 42}\ntopic: offers",
		"sent-out": "start: {event: order.fulfilled}\ntopic: offers",
		"climber":  "start: {event: tier.up}\ntopic: offers\nagain: each",
		"dropped":  "start: {event: tier.down}\ntopic: offers",
		"never":    "start: {event: basket.left}\ntopic: offers",
		"by-hand":  "start: {launch: {}}",
		"rising":   "start: {milestone: points, at: [100]}\ntopic: offers\nclass: offer",
		"rich":     "start: {enters: rich}\ntopic: offers",
		"gold":     "start: {at: 2027-03-20 10:00}\nfor: plan == \"gold\"",
		"club":     "start: {at: 2027-03-21 10:00}\nfor: in_segment(\"club\")",
		"offers":   "start: {at: 2027-03-22 10:00}",
		"renewal":  "start: {date: renewal, before: 3d}\ntopic: offers",
		"keen":     "start: {at: 2027-03-23 10:00}\nfor: not clicked(\"offers\")",
	} {
		files["campaigns/"+name+"/campaign.yaml"] = text + "\nsteps:\n  - mail: m\n"
		files["campaigns/"+name+"/m.en.md"] = "---\nsubject: Hello\n---\nHello.\n"
	}
	files["campaigns/twice/campaign.yaml"] = "start: {event: wishlist.added}\ntopic: offers\nsteps:\n  - mail: m\n    coupon: file\n  - wait: 1d\n  - mail: n\n"
	files["campaigns/few/campaign.yaml"] = "start: {event: order.placed}\ntopic: offers\nagain: each\nsteps:\n  - mail: m\n    coupon: short\n"
	for _, mail := range []string{"twice/m", "twice/n", "few/m"} {
		files["campaigns/"+mail+".en.md"] = "---\nsubject: Hello\n---\nYour code is {{ coupon.code }}.\n"
	}
	for _, change := range changes {
		change(files)
	}
	p, _, problems := program.Load(files)
	if program.Blocked(problems) {
		t.Fatal(problems)
	}
	return program.Version{Program: p, Files: files}
}

func at(text string) loyalty.Instant {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return loyalty.At(t)
}

// history is what happened to three members: ANA, who joined and did everything,
// BEN, who is known with consent only, and CAT, who took her consent back.
func history(t *testing.T, db *store.DB) {
	t.Helper()
	n := 0
	event := func(kind, member, when string, change func(*loyalty.Event)) loyalty.Event {
		n++
		e := loyalty.Event{Source: "shop", Type: kind, ID: fmt.Sprint("e", n), At: at(when), Member: loyalty.Member{ID: member}}
		if change != nil {
			change(&e)
		}
		return e
	}
	yes := true
	person := func(joined *bool, consent bool) func(*loyalty.Event) {
		return func(e *loyalty.Event) {
			e.Member.Email, e.Member.Joined = strings.ToLower(e.Member.ID)+"@shop.example", joined
			e.Member.Consent, e.Member.ConsentSource, e.Member.ConsentAt = map[string]bool{"offers": consent}, "form", e.At
		}
	}
	order := func(id string, total int64) func(*loyalty.Event) {
		return func(e *loyalty.Event) {
			e.Order = &loyalty.Order{ID: id, Status: loyalty.Paid, Total: total, HasTotal: true, Lines: []loyalty.Line{{Product: "P", Quantity: 1, Total: total}}}
		}
	}
	delta, more := int64(60), int64(50)
	events := []loyalty.Event{
		event(loyalty.MemberJoined, "ANA", "2027-01-05 10:00", func(e *loyalty.Event) {
			person(&yes, true)(e)
			e.Member.Tags, e.Member.Attributes = []string{"club"}, map[string]any{"plan": "gold", "renewal": "2027-03-18", "unknown": "x"}
		}),
		event(loyalty.MemberChanged, "BEN", "2027-01-06 10:00", person(nil, true)),
		event(loyalty.MemberJoined, "CAT", "2027-01-07 10:00", person(&yes, true)),
		event(loyalty.OrderPlaced, "ANA", "2027-03-02 10:00", order("O-1", 15_000)),
		event(loyalty.OrderFulfilled, "ANA", "2027-03-03 10:00", func(e *loyalty.Event) { e.Order = &loyalty.Order{ID: "O-1"} }),
		event(loyalty.OrderPlaced, "ANA", "2027-03-04 10:00", order("O-2", 1_000)),
		event(loyalty.OrderPlaced, "ANA", "2027-03-05 10:00", order("O-3", 1_000)),
		event("wishlist.added", "ANA", "2027-03-06 10:00", func(e *loyalty.Event) { e.Properties = map[string]any{"size": 44} }),
		event("wishlist.added", "CAT", "2027-03-06 11:00", func(e *loyalty.Event) { e.Properties = map[string]any{"size": 40} }),
		event(loyalty.PointsChanged, "ANA", "2027-03-07 10:00", func(e *loyalty.Event) { e.Points = &loyalty.Points{Delta: &delta} }),
		event(loyalty.PointsChanged, "ANA", "2027-03-08 10:00", func(e *loyalty.Event) { e.Points = &loyalty.Points{Delta: &more} }),
		event(loyalty.MemberChanged, "CAT", "2027-03-10 10:00", person(nil, false)),
		event(loyalty.OrderRefunded, "ANA", "2027-04-20 10:00", func(e *loyalty.Event) {
			e.Order, e.Refund = &loyalty.Order{ID: "O-1"}, &loyalty.Refund{ID: "R-1", Total: 15_000}
		}),
	}
	now := at("2027-06-01 10:00").Time
	db = db.Clock(func() time.Time { return now })
	results, err := intake.New(db).Apply(t.Context(), events, intake.History)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.State != intake.Stored {
			t.Fatalf("event %d: %+v", i, r)
		}
	}
	err = db.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`
			insert into events (source, external_id, member_id, type, at, day, received_at)
			select 'regulars', 'tier.up:1', id, 'tier.up', `+tx.Instant("@at")+`, @day, `+tx.Instant("@at")+` from members where external_id = 'ANA'`,
			store.Args{"at": at("2027-03-02 10:00"), "day": int64(loyalty.Date(2027, 3, 2))})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func rehearsed(t *testing.T, db *store.DB, changes ...func(files map[string]string)) rehearsal.Outcome {
	t.Helper()
	got, err := rehearsal.Rehearsal{Program: played(t, changes...), Past: db, From: loyalty.Date(2027, 3, 1), To: loyalty.Date(2027, 3, 31)}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestARehearsalPlaysWhateverThePastTells(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		history(t, db)
		got := rehearsed(t, db)
		for _, tt := range []struct {
			campaign string
			mails    int64
			codes    int64
			why      string
		}{
			{"wish", 1, 0, "an event of the shop's own starts it, and its rule reads the event"},
			{"sent-out", 1, 0, "order.fulfilled is played"},
			{"rising", 1, 0, "points are played"},
			{"rich", 1, 0, "an order that was refunded in April counts in March"},
			{"gold", 1, 0, "attributes are there"},
			{"club", 1, 0, "tags are there"},
			{"offers", 2, 0, "somebody known with consent gets it, and who took consent back does not"},
			{"renewal", 1, 0, "a date field is there"},
			{"climber", 1, 0, "what Regulars itself tells comes of the orders, and is not played once more"},
			{"twice", 4, 2, "two mails show one code"},
			{"few", 2, 2, "an imported pool has the codes that it says, and not one more"},
		} {
			c := got.Campaigns[tt.campaign]
			if c == nil || c.Mails != tt.mails || c.Codes != tt.codes || c.NotTried != "" {
				t.Errorf("%s: %+v, want %d mails and %d codes: %s", tt.campaign, c, tt.mails, tt.codes, tt.why)
			}
		}
		if few := got.Campaigns["few"]; few.Skipped["out_of_codes"] != 1 {
			t.Errorf("few: %+v, want one member without a code", few)
		}
	})
}

func TestARehearsalNeedsNoPictures(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		history(t, db)
		got := rehearsed(t, db, func(files map[string]string) {
			var body bytes.Buffer
			if err := png.Encode(&body, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
				t.Fatal(err)
			}
			p, err := program.ReadPicture(body.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			files["pictures/pier.png"] = p.Text()
			files["campaigns/wish/m.en.md"] = "---\nsubject: Hello\n---\n![The pier](pictures/pier.png)\n"
		})
		if wish := got.Campaigns["wish"]; wish == nil || wish.Mails != 1 {
			t.Errorf("wish: %+v, want one mail", wish)
		}
	})
}

// As live (flows.TestPointsThatOpenAtNightReachTheirMilestone): 150 points open on
// 16 March, ten each on the 18th and 19th.
func TestARehearsalOpensPendingPoints(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		history(t, db)
		got := rehearsed(t, db, func(files map[string]string) {
			files["loyalty.yaml"] = "points: {since: 2027-01-01, earn: [1 per 1.00], pending: 14d}\n" + files["loyalty.yaml"]
			files["campaigns/opened/campaign.yaml"] = "start: {event: points.opened}\nagain: each\nsteps:\n  - mail: m\n"
			files["campaigns/opened/m.en.md"] = "---\nsubject: Hello\n---\nHello.\n"
		})
		for name, mails := range map[string]int64{"rising": 1, "opened": 3} {
			if c := got.Campaigns[name]; c == nil || c.Mails != mails || c.NotTried != "" {
				t.Errorf("%s: %+v, want %d mails", name, c, mails)
			}
		}
	})
}

func TestARehearsalSaysWhatItDidNotTry(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		history(t, db)
		got := rehearsed(t, db)
		for name, want := range map[string]string{
			"by-hand": "it is started by hand, and a rehearsal launches nothing",
			"never":   "no event basket.left is known of these days",
			"dropped": "no event tier.down came about in these days",
		} {
			if c := got.Campaigns[name]; c.NotTried != want || c.Mails != 0 {
				t.Errorf("%s: %+v, want not tried: %s", name, c, want)
			}
		}
		if notes := got.Campaigns["keen"].Notes; len(notes) != 1 || !strings.Contains(notes[0], "read clicked") {
			t.Errorf("keen: %q, want a note that nobody clicks", notes)
		}
		var text bytes.Buffer
		got.Print(&text)
		for _, want := range []string{"never: not tried: no event basket.left", "wish: 1 mails"} {
			if !slices.ContainsFunc(strings.Split(text.String(), "\n"), func(line string) bool { return strings.HasPrefix(line, want) }) {
				t.Errorf("the outcome reads\n%swant a line %q", text.String(), want)
			}
		}
	})
}

// crowd is a shop of many members, each of whom has bought something once.
func crowd(t *testing.T, db *store.DB, n int) {
	t.Helper()
	yes := true
	var events []loyalty.Event
	for i := range n {
		joined := at("2027-02-01 10:00")
		joined.Time = joined.Add(time.Duration(i) * time.Minute)
		who := loyalty.Member{ID: fmt.Sprint("N-", i)}
		e := loyalty.Event{Source: "shop", Type: loyalty.MemberJoined, ID: fmt.Sprint("j", i), At: joined, Member: who}
		e.Member.Email, e.Member.Joined = fmt.Sprintf("n%d@shop.example", i), &yes
		e.Member.Consent, e.Member.ConsentSource, e.Member.ConsentAt = map[string]bool{"offers": true}, "form", joined
		bought := loyalty.At(joined.AddDate(0, 1, 0))
		events = append(events, e, loyalty.Event{Source: "shop", Type: loyalty.OrderPlaced, ID: fmt.Sprint("o", i), At: bought, Member: who,
			Order: &loyalty.Order{ID: fmt.Sprint("O", i), Status: loyalty.Paid, Total: 1000, HasTotal: true}})
	}
	now := at("2027-06-01 10:00").Time
	if _, err := intake.New(db.Clock(func() time.Time { return now })).Apply(t.Context(), events, intake.History); err != nil {
		t.Fatal(err)
	}
}

func TestARehearsalOfALargeShopPlaysSomeOfIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const all, most = 600, 60
		crowd(t, db, all)
		r := rehearsal.Rehearsal{Program: played(t), Past: db, From: loyalty.Date(2027, 3, 1), To: loyalty.Date(2027, 3, 31), Most: most}
		var played, past int64
		r.Progress = func(n, all int64) { played, past = n, all }
		got, err := r.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.Members != all || got.Played < most/2 || got.Played > 2*most {
			t.Errorf("%d of %d members were played, want about %d of %d", got.Played, got.Members, most, all)
		}
		if c := got.Campaigns["offers"]; c.Mails < all-5 || c.Mails > all+5 || c.ByDay["2027-03-22"] != c.Mails {
			t.Errorf("offers: %+v, want a mail to about %d on its day", c, all)
		}
		// two codes for all are one for those who are played, which stands for all its like
		if c := got.Campaigns["few"]; c.Codes == 0 || c.Codes > all/most+5 {
			t.Errorf("few: %+v, want few codes", c)
		}
		if played != past || past < 2*got.Played {
			t.Errorf("the rehearsal told of %d of %d", played, past)
		}
		again, err := r.Run(t.Context())
		if err != nil || told(t, again)[40] != told(t, got)[40] || again.Played != got.Played {
			t.Errorf("a second rehearsal plays others: %v", err)
		}
		var text bytes.Buffer
		if got.Print(&text); !strings.Contains(text.String(), fmt.Sprintf("%d of 600 members were played", got.Played)) {
			t.Errorf("the outcome reads\n%s", text.String())
		}
	})
}

func TestARehearsalEndsWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	history(t, db)
	r := rehearsal.Rehearsal{Program: played(t), Past: db, From: loyalty.Date(2027, 3, 1), To: loyalty.Date(2027, 3, 31), Within: 1}
	if _, err := r.Run(t.Context()); !errors.Is(err, rehearsal.ErrTooLong) {
		t.Errorf("a rehearsal without time: %v", err)
	}
}

func TestARehearsalTellsOfEachDayAndMember(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	history(t, db)
	got := rehearsed(t, db)
	if c := got.Campaigns["twice"]; c.ByDay["2027-03-06"] != 2 || c.ByDay["2027-03-07"] != 2 {
		t.Errorf("twice: %v, want two mails on each of two days", c.ByDay)
	}
	if p := got.Pools["file"]; p == nil || p.Codes != 2 || p.Cost != 1000 || p.Gives != "5.00 EUR off" {
		t.Errorf("codes: %+v, want two of 5.00", p)
	}
	var mails, members int64
	for _, g := range got.Got {
		mails, members = mails+g.Mails*g.Members, members+g.Members
	}
	sent := int64(0)
	for _, c := range got.Campaigns {
		sent += c.Mails
	}
	if mails != sent || members != 3 || got.Members != 3 {
		t.Errorf("%v to %d members of %d, want %d mails in all", got.Got, members, got.Members, sent)
	}
	less := rehearsed(t, db, func(files map[string]string) {
		delete(files, "campaigns/gold/campaign.yaml")
		delete(files, "campaigns/gold/m.en.md")
	})
	got.Against = &less
	if d := got.Differences(); len(d) != 1 || d[0] != (rehearsal.Difference{Campaign: "gold", Mails: 1}) {
		t.Errorf("without the campaign gold: %+v", d)
	}
}

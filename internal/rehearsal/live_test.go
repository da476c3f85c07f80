package rehearsal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"regulars/internal/apply"
	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/rehearsal"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/internal/versions"
)

// lived is a program whose points wait, end and are multiplied by tiers, with a card and
// a reward for friends; a campaign hears of each.
func lived(t *testing.T) program.Version {
	t.Helper()
	files := map[string]string{
		"program.yaml": `
shop: {name: Anna's Pets, url: https://shop.example, address: "Kauppakatu 1, Helsinki"}
mail: {from: "Anna <anna@shop.example>"}
languages: [en]
currency: EUR
zone: Europe/Helsinki
`,
		"pools.yaml": "free: {kind: generated, pattern: \"FREE-########\", amount: 5, valid_for: 30d, checkout: asks_us}\n",
		"loyalty.yaml": `
points:
  since: 2027-01-01
  earn:
    - 1 per 1.00
    - 2 per 1.00 of category "Coffee"
    - 20 for event "review.written"
    - 15 for event "joined"
  not_on: [category "Gift cards"]
  pending: 2d
  expire: {after: 9d}
tiers:
  silver: {when: spent("14d") >= 150.00, keep: 6d, earn: 1.5x}
  gold:   {when: spent("14d") >= 300.00, keep: 6d, grace: 2d, earn: 2x}
cards:
  coffee: {stamp: category "Coffee", of: 4, gives: free}
referral:
  friend: free
  referrer: 50
  after: {order: 20.00, within: 30d}
`,
	}
	for name, start := range map[string]string{
		"up": "event: tier.up", "down": "event: tier.down", "kept": "event: tier.kept", "full": "event: card.filled", "opened": "event: points.opened",
		"back": "event: points.taken_back", "brought": "event: referral.rewarded", "many": "milestone: points_earned, at: [100, 300]",
		"ends": "date: points_expire_on, before: [3d]",
	} {
		class := ""
		if name != "ends" {
			class = "again: each\n"
		}
		if strings.HasPrefix(start, "milestone") {
			class = ""
		}
		files["campaigns/"+name+"/campaign.yaml"] = "live: true\nclass: earned\n" + class + "start: {" + start + "}\nsteps:\n  - mail: m\n"
		files["campaigns/"+name+"/m.en.md"] = "---\nsubject: Hello\n---\nHello.\n"
	}
	p, _, problems := program.Load(files)
	if program.Blocked(problems) {
		t.Fatal(problems)
	}
	return program.Version{Program: p, Files: files}
}

// weeks are the orders, refunds and reviews of some members in as many days. Nothing
// happens twice in an hour.
func weeks(days int) (events []loyalty.Event) {
	r := rand.New(rand.NewPCG(9, 9))
	zone, _ := time.LoadLocation("Europe/Helsinki")
	first := time.Date(2027, 3, 1, 8, 0, 0, 0, zone)
	yes := true
	add := func(kind string, member int, at time.Time, change func(*loyalty.Event)) {
		e := loyalty.Event{Source: "shop", Type: kind, ID: fmt.Sprint("e", len(events)), At: loyalty.At(at), Member: loyalty.Member{ID: fmt.Sprint("M-", member)}}
		change(&e)
		events = append(events, e)
	}
	const members = 6
	for m := range members {
		add(loyalty.MemberJoined, m, first.Add(time.Duration(m)*time.Minute), func(e *loyalty.Event) {
			e.Member.Email, e.Member.Joined = fmt.Sprintf("m%d@shop.example", m), &yes
			e.Member.Consent, e.Member.ConsentSource, e.Member.ConsentAt = map[string]bool{"program": true, "offers": true}, "form", e.At
			if m > 3 {
				e.Member.ReferredBy = "M-0"
			}
		})
	}
	type sold struct {
		member int
		id     string
		lines  []loyalty.Line
		total  int64
	}
	var orders []sold
	for day := range days {
		at := first.AddDate(0, 0, day).Add(2 * time.Hour)
		for range 1 + r.IntN(3) {
			at = at.Add(time.Duration(61+r.IntN(60)) * time.Minute)
			switch what := r.IntN(10); {
			case what < 7:
				o := sold{member: r.IntN(members), id: fmt.Sprint("O", len(events))}
				for k := range 1 + r.IntN(3) {
					l := loyalty.Line{Product: fmt.Sprint("p", k), Quantity: 1, Total: int64(100 + r.IntN(5000)), Category: []string{"Coffee", "Tea", "Gift cards"}[r.IntN(3)]}
					o.lines, o.total = append(o.lines, l), o.total+l.Total
				}
				shipping := int64(r.IntN(2) * 490)
				orders = append(orders, o)
				add(loyalty.OrderPlaced, o.member, at, func(e *loyalty.Event) {
					e.Order = &loyalty.Order{ID: o.id, Status: loyalty.Paid, Total: o.total + shipping, HasTotal: true, Lines: o.lines, Shipping: shipping, HasShipping: true}
				})
			case what < 9 && len(orders) > 0:
				o := orders[len(orders)-1]
				orders = orders[:len(orders)-1]
				add(loyalty.OrderRefunded, o.member, at, func(e *loyalty.Event) {
					e.Order, e.Refund = &loyalty.Order{ID: o.id}, &loyalty.Refund{ID: "R" + o.id, Total: o.lines[0].Total}
					if r.IntN(2) == 0 {
						e.Refund.Lines = o.lines[:1]
					}
				})
			default:
				add("review.written", r.IntN(members), at, func(*loyalty.Event) {})
			}
		}
	}
	return events
}

// silent takes every mail and keeps none.
type silent struct{}

func (silent) Hand(ctx context.Context, _ delivery.Message, begin func(context.Context) error) delivery.Outcome {
	if begin != nil {
		if err := begin(ctx); err != nil {
			return delivery.Outcome{Stage: delivery.StageData, Err: fmt.Errorf("%w: %w", delivery.ErrWithheld, err)}
		}
	}
	return delivery.Outcome{Stage: delivery.StageDone, Code: 250, Begun: true}
}

// P9: a rehearsal of what was lived comes to the points, tiers, cards, codes and mails
// of those days.
func TestP9ARehearsalIsAsLive(t *testing.T) {
	t.Parallel()
	const days = 18
	from := loyalty.Date(2027, 3, 1)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		v := lived(t)
		clock := engine.NewClock(from.Start(v.Program.Zone))
		db = db.Clock(clock.Now)
		sender := delivery.New(delivery.Config{DB: db, Programs: versions.Programs{DB: db}, Secret: []byte("live"),
			Transports: map[string]delivery.Transport{delivery.Urgent: silent{}, delivery.Bulk: silent{}},
			Links:      consent.NewLinks("https://live.invalid", [][]byte{bytes.Repeat([]byte{1}, 32)})})
		err := db.Update(t.Context(), func(tx *store.Tx) error { _, err := apply.Apply(tx, v.Files, "anna", ""); return err })
		if err != nil {
			t.Fatal(err)
		}
		work, door := engine.New(db, sender), intake.New(db)
		for _, e := range weeks(days) {
			if err := work.Advance(t.Context(), clock, e.At.Time); err != nil {
				t.Fatal(err)
			}
			if results, err := door.Apply(t.Context(), []loyalty.Event{e}, intake.Live); err != nil || results[0].State != intake.Stored {
				t.Fatalf("%+v: %+v, %v", e, results, err)
			}
		}
		if err := work.Advance(t.Context(), clock, (from + days).Start(v.Program.Zone).Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		want, err := rehearsal.Lived(t.Context(), db, v.Program)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rehearsal.Rehearsal{Program: v, Past: db, From: from, To: from + days - 1}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w, g := told(t, want), told(t, got)
		for i := range max(len(w), len(g)) {
			if i >= min(len(w), len(g)) || w[i] != g[i] {
				t.Fatalf("lived:\n%s\nrehearsed:\n%s", strings.Join(w[max(0, i-12):], "\n"), strings.Join(g[max(0, i-12):], "\n"))
			}
		}
		for name, c := range want.Campaigns {
			if c.Mails == 0 && name != "confirm" {
				t.Errorf("nobody got %s: the days are too tame", name)
			}
		}
		if p, c := want.Wallets["points"], want.Wallets["coffee"]; p == nil || p.Ended == 0 || c == nil || c.Rewards == 0 || len(want.Tiers) == 0 {
			t.Errorf("points %+v, coffee %+v, tiers %v: the days are too tame", p, c, want.Tiers)
		}
	})
}

// told are the lines of an outcome.
func told(t *testing.T, o rehearsal.Outcome) []string {
	t.Helper()
	for _, c := range o.Campaigns {
		c.NotTried, c.Notes = "", nil
	}
	o.From, o.To, o.Members = "", "", 0
	text, err := json.MarshalIndent(o, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

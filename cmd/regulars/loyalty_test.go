package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"regulars/internal/rehearsal"
)

// loyalShop keeps points itself.
var loyalShop = map[string]string{
	"program.yaml":                  askedShop["program.yaml"],
	"pools.yaml":                    `free-coffee: {kind: generated, pattern: "COFFEE-####-####-####", item: Coffee, worth: 2.40, valid_for: 14d, checkout: asks_us}` + "\n",
	"campaigns/climb/campaign.yaml": "live: true\nstart: {event: tier.up}\nagain: each\nsteps:\n  - mail: m\n",
	"campaigns/rich/campaign.yaml":  "live: true\nstart: {milestone: points, at: [100]}\nsteps:\n  - mail: m\n",
	"campaigns/rich/m.en.md":        "---\nsubject: A hundred\n---\nYou have {{ points.balance }}.\n",
	"campaigns/climb/m.en.md":       "---\nsubject: You are {{ tier.name | default \"up\" }}\n---\nYou have {{ points.balance }}.\n",
	"loyalty.yaml": `
points:
  since:  2020-01-01
  worth:  0.01
  earn:   [1 per 1.00]
  expire: {after: 12m}
tiers:
  silver: {when: spent("12m") >= 100.00, keep: 12m}
  gold:   {when: spent("12m") >= 600.00, keep: 12m}
cards:
  visits: {stamp: order, of: 3, gives: free-coffee}
rewards:
  latte: {price: 100, gives: free-coffee}
`,
}

// loyalOrders is a file of orders: ANA has spent 120.90 lately, and 50.00 two years ago,
// BEN 20.50.
func loyalOrders(t *testing.T) string {
	t.Helper()
	day := func(n int) string { return shopDay(t, -n) }
	return csvFile(t, "orders.csv", "order,member,at,total\n1,ANA,"+day(730)+",50.00\n2,ANA,"+day(40)+",60.90\n3,ANA,"+day(20)+",60.00\n4,BEN,"+day(10)+",20.50\n")
}

func csvFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// read runs a command with --json and returns what it printed.
func read[T any](s shop, args ...string) (got T) {
	s.t.Helper()
	out := s.must(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		s.t.Fatalf("regulars %s --json: %v\n%s", strings.Join(args, " "), err, out)
	}
	return got
}

type saidPoints struct {
	Balance, Pending int64
	Entries          []struct {
		Day, Kind, Order, Reason, By string
		Last                         string `json:"last_day"`
		Amount                       int64
	}
}

// has tells what a member has after something was done.
func (s shop) has(member, after string, want int64, kinds ...string) saidPoints {
	s.t.Helper()
	got := read[saidPoints](s, "member", "points", member)
	var is []string
	for _, e := range got.Entries {
		is = append(is, e.Kind)
		if _, err := time.Parse(time.DateOnly, e.Day); err != nil {
			s.t.Errorf("%s: an entry of %s is of day %q", after, member, e.Day)
		}
	}
	if got.Balance != want || !slices.Equal(is, kinds) {
		s.t.Errorf("%s: %s has %d by %v, want %d by %v", after, member, got.Balance, is, want, kinds)
	}
	return got
}

// TestPointsTiersAndRewardsByHand goes through what a shop does about loyalty.yaml at the
// command line.
func TestPointsTiersAndRewardsByHand(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		s.must("apply", directory(t, loyalShop))
		s.must("import", "orders", loyalOrders(t))
		in := shopDay(t, 90)

		s.must("points", "expire")
		s.has("ANA", "orders", 120, "earn", "earn", "expire", "earn")
		s.has("BEN", "orders", 20, "earn")

		s.must("points", "give", "BEN", "30", "--because", "late parcel", "--key", "k1", "--last-day", in)
		s.must("points", "give", "BEN", "30", "--because", "late parcel", "--key", "k1", "--last-day", in)
		got := s.has("BEN", "given once", 50, "adjust", "earn")
		if e := got.Entries[0]; e.Last != in || e.Reason != "late parcel" || !strings.HasPrefix(e.By, "command line: ") {
			t.Errorf("what was given by hand is %+v, want its last day %s, its reason and who", e, in)
		}
		s.must("points", "take", "BEN", "10", "--because", "a mistake")
		s.has("BEN", "taken", 40, "adjust", "adjust", "earn")
		s.must("import", "points", csvFile(t, "points.csv", "member,points,last_day\nBEN,5,"+in+"\n"))
		s.has("BEN", "brought", 45, "adjust", "adjust", "adjust", "earn")

		s.claims(t)
		s.stamps(t)
		s.tiers(t, in)
		s.loyaltyReports(t)
		if out := s.must("doctor"); strings.Contains(out, "✗") {
			t.Errorf("doctor:\n%s", out)
		}
	})
}

func (s shop) claims(t *testing.T) {
	type offers struct {
		Rewards []struct {
			Reward string
			Price  int64
		}
		Claims []struct {
			ID          int64
			State, Code string
		}
	}
	if got := read[offers](s, "reward", "list", "ANA"); len(got.Rewards) != 1 || got.Rewards[0].Price != 100 {
		t.Errorf("rewards of ANA: %+v, want the latte for 100", got)
	}
	if got := s.run("reward", "claim", "BEN", "latte"); got.code == 0 || !strings.Contains(got.err, "point") {
		t.Errorf("a reward that BEN cannot pay: exit %d, %q", got.code, got.err)
	}
	claim := read[struct {
		ID          int64
		State, Code string
	}](s, "reward", "claim", "ANA", "latte", "--key", "c1", "--order", "T-77")
	if claim.State != "done" || !strings.HasPrefix(claim.Code, "COFFEE-") {
		t.Errorf("claim: %+v, want it done, with a code", claim)
	}
	s.must("reward", "claim", "ANA", "latte", "--key", "c1", "--order", "T-77")
	if got := s.must("reward", "list", "ANA"); !strings.Contains(got, "T-77") {
		t.Errorf("reward list says\n%s\nwant the order T-77", got)
	}
	s.has("ANA", "claimed", 20, "redeem", "earn", "earn", "expire", "earn")
	back := s.must("reward", "reverse", strconv.FormatInt(claim.ID, 10), "--because", "no coffee left")
	s.has("ANA", "reversed", 120, "return", "redeem", "earn", "earn", "expire", "earn")
	if !strings.Contains(back, "reversed") {
		t.Errorf("reward reverse says %q", back)
	}
}

// stamps has BEN's card, which an order stamped once, filled by hand.
func (s shop) stamps(t *testing.T) {
	type card struct {
		Stamps, Booked int64
		Codes          []string
		Again          bool
	}
	if got := read[card](s, "stamps", "give", "BEN", "visits", "3", "--because", "a reader that failed", "--key", "s1"); got.Stamps != 1 || got.Booked != 3 || len(got.Codes) != 1 || got.Again {
		t.Errorf("stamps give: %+v, want one left and a code", got)
	}
	if got := read[card](s, "stamps", "give", "BEN", "visits", "3", "--because", "a reader that failed", "--key", "s1"); !got.Again || len(got.Codes) != 1 {
		t.Errorf("stamps give again: %+v, want the same code", got)
	}
	if got := s.must("stamps", "take", "BEN", "visits", "2", "--because", "one too many"); !strings.Contains(got, "1 stamp taken back; 0 of 3 now") {
		t.Errorf("stamps take says %q", got)
	}
}

func (s shop) tiers(t *testing.T, in string) {
	type standing struct {
		Tier  string
		Until *string
		Stays []struct{ Tier, Since, By, Because string }
	}
	if got := read[standing](s, "tier", "show", "ANA"); got.Tier != "silver" || got.Until == nil || len(*got.Until) != len(time.DateOnly) {
		t.Errorf("tier show ANA: %+v, want silver with its last day", got)
	}
	got := read[standing](s, "tier", "set", "BEN", "gold", "--until", in, "--because", "a friend")
	if got.Tier != "gold" || got.Until == nil || *got.Until != in || !strings.HasPrefix(got.Stays[0].By, "command line: ") || len(got.Stays[0].Since) != len(time.DateOnly) {
		t.Errorf("tier set BEN gold: %+v, want it until %s", got, in)
	}
}

func (s shop) loyaltyReports(t *testing.T) {
	liability := read[struct {
		Day             string
		Members, Points int64
		Nominal         int64 `json:"nominal_minor"`
	}](s, "report", "liability")
	if liability.Members != 2 || liability.Points != 165 || liability.Nominal != 165 {
		t.Errorf("report liability: %+v, want 165 points of 2 members, worth 1.65", liability)
	}
	var left int64
	for _, m := range read[[]struct{ Left int64 }](s, "report", "points") {
		left = m.Left
	}
	if left != 165 {
		t.Errorf("report points ends with %d, want 165", left)
	}
	members := map[string]int64{}
	for _, l := range read[struct {
		Tiers []struct {
			Tier    string
			Members int64
		}
	}](s, "report", "tiers").Tiers {
		members[l.Tier] = l.Members
	}
	if members["silver"] != 1 || members["gold"] != 1 {
		t.Errorf("report tiers: %v, want one silver, one gold", members)
	}
}

// Wrong usages are answered with words.
func TestMistakesAboutPoints(t *testing.T) {
	t.Parallel()
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "shop.db")}}
	s.must("import", "orders", loyalOrders(t))
	if got := s.run("points", "give", "ANA", "5", "--because", "x"); got.code == 0 || got.err == "" {
		t.Errorf("points of a program that has none: exit %d, %q", got.code, got.err)
	}
	s.must("apply", directory(t, loyalShop))
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"points", "give", "ANA", "1.5"}, misuse, "whole number"},
		{[]string{"points", "give", "ANA", "-5"}, misuse, "-5"},
		{[]string{"points", "give", "ANA"}, misuse, "give"},
		{[]string{"points", "give", "NOBODY", "5", "--because", "x"}, failed, "NOBODY"},
		{[]string{"points", "give", "ANA", "5", "--because", "x", "--last-day", "soon"}, misuse, "--last-day"},
		{[]string{"points", "gve"}, misuse, `did you mean "give"`},
		{[]string{"reward", "claim", "ANA", "late"}, failed, "late"},
		{[]string{"stamps", "give", "ANA", "visit", "1", "--because", "x"}, failed, "visits is one"},
		{[]string{"stamps", "give", "ANA", "visits", "1"}, misuse, "--because"},
		{[]string{"stamps", "take", "ANA", "visits", "none", "--because", "x"}, misuse, "whole number"},
		{[]string{"stamps", "give", "ANA", "visits", "101", "--because", "x"}, failed, "from 1 to 100"},
		{[]string{"reward", "reverse", "x"}, misuse, "claim's number"},
		{[]string{"reward", "reverse", "77"}, failed, "no claim 77"},
		{[]string{"tier", "set", "ANA", "sliver", "--because", "x"}, failed, "silver"},
		{[]string{"tier", "show", "NOBODY"}, failed, "NOBODY"},
	} {
		if got := s.run(tt.args...); got.code != tt.code || !strings.Contains(got.err, tt.says) {
			t.Errorf("regulars %s: exit %d, %q, want %d and that it says %q", strings.Join(tt.args, " "), got.code, got.err, tt.code, tt.says)
		}
	}
}

// shopDay is so many days from now in the shop's zone, whose day may be another than ours.
func shopDay(t *testing.T, days int) string {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		t.Fatal(err)
	}
	return time.Now().In(zone).AddDate(0, 0, days).Format(time.DateOnly)
}

// TestARehearsalBooksPoints plays a program with loyalty.yaml over past orders, from a
// file and over those of a shop that booked the same live.
func TestARehearsalBooksPoints(t *testing.T) {
	t.Parallel()
	day := func(n int) string { return shopDay(t, -n) }
	eachShop(t, func(t *testing.T, s shop) {
		dir, orders := directory(t, loyalShop), loyalOrders(t)
		play := func(more ...string) rehearsal.Outcome {
			got := read[rehearsal.Outcome](s, append([]string{"rehearse", dir, "--from", day(60), "--to", day(0), "--everyone"}, more...)...)
			for _, name := range []string{"climb", "rich"} { // ANA: 60.90 and 60.00 within the year
				if c := got.Campaigns[name]; c == nil || c.Mails != 1 {
					t.Errorf("rehearse %v says of %s %+v, want one mail", more, name, c)
				}
			}
			if got.Unplayed > 0 {
				t.Errorf("rehearse %v could not play %d events: %s", more, got.Unplayed, got.Because)
			}
			return got
		}
		if got := play("--orders", orders); got.Notes != nil {
			t.Errorf("rehearse of a file notes %q", got.Notes)
		}
		s.must("apply", dir)
		s.must("import", "orders", orders)
		s.must("tier", "set", "BEN", "gold", "--because", "a friend")
		s.must("points", "give", "BEN", "90", "--because", "late parcel")
		s.must("points", "expire")
		s.has("ANA", "live", 120, "earn", "earn", "expire", "earn")
		if got := play(); len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "1 that were booked by hand") {
			t.Errorf("rehearse notes %q, want that what was given by hand is not played", got.Notes)
		}
	})
}

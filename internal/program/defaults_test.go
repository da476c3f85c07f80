package program_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/program"
)

// winBack returns the right program with another campaign.yaml, and what Load
// makes of that campaign; its mails hello and gift are there.
func winBack(t *testing.T, yaml string) (*program.Campaign, []program.Problem) {
	t.Helper()
	files := right(t)
	files["campaigns/win-back/campaign.yaml"] = yaml
	files["program.yaml"] += "holdout: 5%\n"
	p, _, problems := program.Load(files)
	if len(p.Campaigns) != 1 {
		t.Fatalf("Load found %d campaigns:\n%s", len(p.Campaigns), lines(problems))
	}
	return p.Campaigns[0], problems
}

func TestWhatTheStartDecides(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ claim, start, steps, want string }{
		{"a welcome is earned", "joins", "- mail: hello", "earned program again never late 6h0m0s out 0"},
		{"a milestone is earned and comes each time", "{milestone: orders, every: 5}", "- mail: hello", "earned program again each late 6h0m0s out 0"},
		{"entering a segment is an offer, once", "{enters: vip}", "- mail: hello", "offer offers again never late 6h0m0s out 50"},
		{"a birthday may be a day late", "{yearly: birthday}", "- mail: hello", "offer program again each late 24h0m0s out 50"},
		{"a date is about the program", "{date: contract_ends}", "- mail: hello", "offer program again each late 6h0m0s out 50"},
		{"an event is an offer, once", "{event: visit}", "- mail: hello", "offer offers again never late 6h0m0s out 50"},
		{"a timetable is a newsletter", "{every: day 1 08:00}", "- mail: hello", "offer newsletter again each late 6h0m0s out 50"},
		{"a launch is an offer", "{launch: {}}", "- mail: hello", "offer offers again each late 6h0m0s out 50"},
		{"a drop is soon too late", "{at: 2027-06-21 09:00}", "- {mail: gift, coupon: back}", "offer offers again each late 30m0s out 50"},
	} {
		c, _ := winBack(t, "start: "+tt.start+"\nsteps:\n  "+tt.steps+"\n")
		got := fmt.Sprintf("%s %s again %s late %s out %d", c.Class, c.Topic, c.Again, c.Late, c.Holdout)
		if got != tt.want {
			t.Errorf("%s: Load(%s) = %s, want %s", tt.claim, tt.start, got, tt.want)
		}
	}
}

func TestStarts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ claim, start, want string }{
		{"joins", "joins", "joins"},
		{"a segment at once", "{enters: vip}", "enters vip"},
		{"a segment at ten", "{enters: vip, time: 10:00, existing: 20 per day}", "enters vip at 10:00"},
		{"milestones of orders", "{milestone: orders, at: [1, 5], every: 10}", "milestone orders [1 5] every 10"},
		{"a single milestone", "{milestone: points, at: 500}", "milestone points [500] every 0"},
		{"money is in cents", "{milestone: spent, at: [99.90, 100]}", "milestone spent [9990 10000] every 0"},
		{"things bought", `{milestone: items("Coffee"), every: 10}`, `milestone items("Coffee") [] every 10`},
		{"the birthday itself, in the morning", "{yearly: birthday}", "yearly birthday [0] at 09:00"},
		{"before the day of joining, on the member's clock", "{yearly: joined, before: [7d, 1d], time: 8:30, zone: member}", "yearly joined [7 1] at 08:30 by member"},
		{"before a date", "{date: contract_ends, before: 30d}", "date contract_ends [30] at 09:00"},
		{"an event of the shop's own", "{event: wishlist.added, where: event.price < 10}", "event wishlist.added where event.price < 10"},
		{"a moment", "{at: 2027-06-21 09:00, zone: shop}", "at 2027-06-21 09:00"},
		{"a moment on the member's clock", "{at: 2027-06-21 09:00, zone: member}", "at 2027-06-21 09:00 by member"},
		{"a timetable, however it is written", "{every: 'thursday, Monday 8:00'}", "every monday,thursday 08:00"},
		{"a launch", "{launch: {link: url, category: text}}", "launch category: text link: text"},
	} {
		c, problems := winBack(t, "start: "+tt.start+"\nsteps: [{mail: hello}]\n")
		if c.Start.Spec != tt.want || program.Blocked(problems) {
			t.Errorf("%s: Load(%s) = %q, want %q\n%s", tt.claim, tt.start, c.Start.Spec, tt.want, lines(problems))
		}
	}
}

func TestStepsAreNamedAfterTheirMails(t *testing.T) {
	t.Parallel()
	c, problems := winBack(t, `start: {event: order.placed}
steps:
  - mail: hello
  - wait: 3d
  - choose:
      - {if: order.total > 50, mail: gift, coupon: back}
      - {mail: other}
`)
	var got []string
	for _, step := range c.Steps {
		got = append(got, step.Name+" = "+step.String())
	}
	want := "hello = hello | wait-2 = wait 3d | choose-3 = one of (gift with back (empty: skip) if order.total > 50; other)"
	if strings.Join(got, " | ") != want {
		t.Errorf("steps are %s\nwant %s\n%s", strings.Join(got, " | "), want, lines(problems))
	}
}

// Scalars are what stands in the file: YAML's numbers, dates and booleans would
// drop zeros, cut names and turn words around.
func TestScalarsAreTheTextInTheFile(t *testing.T) {
	t.Parallel()
	files := right(t)
	files["program.yaml"] = strings.ReplaceAll(files["program.yaml"], "Marta's Butchery", "0x1F")
	files["pools.yaml"] += "no:   {kind: shared, code: 007, amount: 5, valid_until: 2027-08-31}\n" +
		"1e3:  {kind: imported, item: 0123, worth: 2.40, products: [1_000, true, ~, .5]}\n"
	p, _, problems := program.Load(files)
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	no, other := p.Pools[1], p.Pools[2]
	got := fmt.Sprint(p.Shop.Name, " ", no.Name, " ", no.Code, " ", no.Amount, " ", no.ValidUntil, " ", other.Name, " ", other.Item, " ", other.Worth, " ", other.Products)
	if want := "0x1F no 007 500 2027-08-31 1e3 0123 240 [1_000 true ~ .5]"; got != want {
		t.Errorf("Load read %s, want %s", got, want)
	}
}

// A rule may stand in every way that YAML writes a text; its mistakes are still
// found at their place in the file.
func TestAMistakeInARuleIsFoundInEveryKindOfText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ claim, text, want string }{
		{"plain", "a: orders > 1 and odders > 2", "1:19"},
		{"quoted", "a: 'orders > 1 and odders > 2'", "1:20"},
		{"with a doubled quote before it", "a: 'plan == \"it''s\" and odders > 2'", "1:25"},
		{"with escapes before it", `a: "plan == \"gold\" and odders > 2"`, "1:26"},
		{"over two lines", "a: orders > 1\n   and odders > 2", "2:8"},
		{"folded", "a: >-\n  orders > 1\n  and odders > 2", "3:7"},
		{"literal", "a: |\n  orders > 1 and\n  odders > 2", "3:3"},
		{"after letters of more than a byte", `a: plan == "ääkkönen" and odders > 2`, "1:27"},
		{"in a file with Windows line ends", "b: orders > 1\r\na: odders > 2\r\n", "2:4"},
		{"in a file with a byte order mark", "\ufeffa: odders > 2", "1:4"},
	} {
		files := right(t)
		files["segments.yaml"] = tt.text + "\nvip: orders > 3\nlapsed: orders > 2\n"
		_, _, problems := program.Load(files)
		if got := lines(problems); !strings.HasPrefix(got, "segments.yaml:"+tt.want+": there is no field called odders") || len(problems) != 1 {
			t.Errorf("%s: Load(%q) says\n%swant a problem at %s", tt.claim, tt.text, got, tt.want)
		}
	}
}

func TestPilotAndWaves(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ claim, start, keys, want string }{
		{"a pilot waits for a person unless the file says otherwise", "{launch: {}}", "pilot: {size: 200}", "pilot 200, then by hand"},
		{"by hand", "{at: 2027-06-21 09:00}", "pilot: {size: 200, then: by hand}", "pilot 200, then by hand"},
		{"after a day", "{launch: {}}", "pilot: {size: 200, then: after 24h}", "pilot 200, then after 1d"},
		{"a share is of what is not in the pilot", "{launch: {}}", "waves: {size: 12.5%, every: 90m}", "waves 12.5% every 90m"},
		{"so many mails, by members' clocks", "{at: 2027-06-21 09:00, zone: member}", "waves: {size: 5000, every: 2h}", "waves 5000 every 2h"},
	} {
		c, problems := winBack(t, "start: "+tt.start+"\n"+tt.keys+"\nsteps: [{mail: hello}]\n")
		got := "pilot " + c.Pilot.String()
		if c.Pilot == nil {
			got = "waves " + c.Waves.String()
		}
		if got != tt.want || program.Blocked(problems) {
			t.Errorf("%s: Load(%s) = %q, want %q\n%s", tt.claim, tt.keys, got, tt.want, lines(problems))
		}
	}
}

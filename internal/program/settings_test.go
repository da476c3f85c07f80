package program_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"regulars/internal/program"
	"regulars/templates"
)

// lapsed has comments, a key that no form knows, and a step with one.
const lapsed = `# Wins back members.
start:   {enters: lapsed, time: 10:00, existing: none}   # existing: 200 per day
until:   [order, leaves]            # who orders is won back
again:   180d
late:    2h
class:   offer
steps:
  # To wait, put a line here.
  - mail: one
  - wait: 7d at 10:00  # a week
  - mail: two
    coupon: gift
    empty: send without
  - wait: 7d
  - if: unused("gift")   # not yet
    mail: three
`

func TestSettingsOfACampaignAreChangedInPlace(t *testing.T) {
	t.Parallel()
	type change = func(*program.Settings)
	for _, tt := range []struct {
		name      string
		change    change
		old, next string // the lines that differ
	}{
		{"nothing changes nothing", func(s *program.Settings) {}, "", ""},
		{"a value", func(s *program.Settings) { s.Keys["again"] = "90d" }, "again:   180d", "again:   90d"},
		{"a value before a comment", func(s *program.Settings) { s.Keys["until"] = "order" }, "until:   [order, leaves]            # who", "until:   order                      # who"},
		{"a start before a comment", func(s *program.Settings) { s.Start["existing"] = "all" }, "existing: none}   #", "existing: all}    #"},
		{"another start", func(s *program.Settings) { s.Kind, s.Start = "event", map[string]string{"event": "order.placed"} },
			"{enters: lapsed, time: 10:00, existing: none}   #", "{event: order.placed}                           #"},
		{"a new key after those before it", func(s *program.Settings) { s.Keys["topic"] = "offers" }, "class:   offer\n", "class:   offer\ntopic:   offers\n"},
		{"a rule that YAML would read otherwise", func(s *program.Settings) { s.Keys["for"] = `"vip" in tags` }, "180d\n", "180d\nfor: x"},
		{"a key that goes", func(s *program.Settings) { s.Keys["again"] = "" }, "again:   180d\n", ""},
		{"another wait", func(s *program.Settings) { s.Steps[1].Wait = "3d" }, "- wait: 7d at 10:00  #", "- wait: 3d           #"},
		{"another coupon", func(s *program.Settings) { s.Steps[1].Coupon = "more" }, "coupon: gift", "coupon: more"},
		{"no coupon", func(s *program.Settings) { s.Steps[1].Coupon = "" }, "    coupon: gift\n", ""},
		{"a condition where there was none", func(s *program.Settings) { s.Steps[0].Only = "orders > 2" }, "- mail: one\n", "- mail: one\n    if: orders > 2\n"},
		{"a new mail at the end", func(s *program.Settings) {
			s.Steps = append(s.Steps, program.StepSetting{Wait: "2d", Mail: "four", Coupon: "gift"})
		}, "mail: three\n", "mail: three\n  - wait: 2d\n  - mail: four\n    coupon: gift\n"},
		{"a mail between two", func(s *program.Settings) { s.Steps = slices.Insert(s.Steps, 1, program.StepSetting{Mail: "half"}) },
			"- mail: one\n", "- mail: one\n  - mail: half\n"},
		{"a mail that goes, with its wait", func(s *program.Settings) {
			s.Steps[2] = program.StepSetting{Mail: "last"}
		}, "\x00", "the comment \"# not yet\" would be lost"},
		{"a comment on a key that goes", func(s *program.Settings) { s.Keys["until"] = "" }, "\x00", "the comment \"# who orders is won back\" would be lost"},
	} {
		c := program.ReadCampaign(lapsed)
		if len(c.Left)+len(c.Problems) > 0 {
			t.Fatalf("left to the text: %v %v", c.Left, c.Problems)
		}
		next := program.Settings{Kind: c.Kind, Start: maps.Clone(c.Start), Keys: maps.Clone(c.Keys), Steps: slices.Clone(c.Steps)}
		tt.change(&next)
		got, err := c.Set(next)
		if tt.old == "\x00" {
			if err == nil || !strings.Contains(err.Error(), tt.next) {
				t.Errorf("%s: Set says %v, want %s", tt.name, err, tt.next)
			}
			continue
		}
		want := strings.Replace(lapsed, tt.old, tt.next, 1)
		if tt.name == "a rule that YAML would read otherwise" {
			want = strings.Replace(lapsed, "until:", "for:     '\"vip\" in tags'\nuntil:", 1)
		}
		if err != nil || got != want {
			t.Errorf("%s: Set = %v\n%s\nwant\n%s", tt.name, err, got, want)
		}
	}
}

// What a form cannot show is left, and stays as it is.
func TestWhatAFormCannotShowIsLeftToTheText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, left string }{
		{"start: joins\nsteps:\n  - wait: 2d\n  - wait: 3d\n  - mail: a\n", "steps"},
		{"start: joins\nsteps:\n  - mail: a\n  - wait: 3d\n", "steps"},
		{"start: joins\nsteps: [{mail: a}]\n", "steps"},
		{"start: {enters: a, odd: b}\nsteps:\n  - mail: a\n", "start"},
		{"start: joins\nuntil: ['has(\"a\", \"b\")', order]\nsteps:\n  - mail: a\n", "until"},
	} {
		c := program.ReadCampaign(tt.text)
		if strings.Join(c.Left, " ") != tt.left {
			t.Errorf("%q leaves %v, want %s", tt.text, c.Left, tt.left)
		}
		next := c.Settings
		next.Keys = map[string]string{"class": "earned"}
		got, err := c.Set(next)
		if want := strings.Replace(tt.text, "\nsteps:", "\nclass: earned\nsteps:", 1); err != nil || got != want {
			t.Errorf("Set = %v\n%s\nwant\n%s", err, got, want)
		}
	}
}

// A choice stands in its place, and can be moved and taken away whole.
func TestAChoiceStays(t *testing.T) {
	t.Parallel()
	for _, e := range templates.Library() {
		if e.Name != "welcome" {
			continue
		}
		c := program.ReadCampaign(e.Files["campaign.yaml"])
		if len(c.Left) > 0 || len(c.Steps) != 3 || !strings.Contains(c.Steps[0].Choice, "1-good-to-have-you") {
			t.Fatalf("the welcome is read as %+v, left %v", c.Settings, c.Left)
		}
		next := c.Settings
		next.Steps = slices.Clone(c.Steps)
		next.Steps[1].Wait = "5d"
		got, err := c.Set(next)
		if want := strings.Replace(e.Files["campaign.yaml"], "wait: 4d at 10:00", "wait: 5d", 1); err != nil || got != want {
			t.Errorf("Set = %v\n%s", err, got)
		}
	}
}

// Every campaign of the library is read, and says the same when nothing is changed.
func TestTheLibraryGoesThroughTheForm(t *testing.T) {
	t.Parallel()
	for _, e := range templates.Library() {
		text := e.Files["campaign.yaml"]
		c := program.ReadCampaign(text)
		got, err := c.Set(c.Settings)
		if err != nil || got != text || len(c.Left) > 0 {
			t.Errorf("%s: Set = %v, left %v\n%s", e.Name, err, c.Left, got)
		}
	}
}

func TestANewCampaignIsWritten(t *testing.T) {
	t.Parallel()
	c := program.ReadCampaign("")
	got, err := c.Set(program.Settings{
		Kind: "at", Start: map[string]string{"at": "2027-06-18 18:00", "zone": ""},
		Keys:  map[string]string{"for": `favourite_category == "Coffee, beans"`, "class": "offer", "until": "order, coupon used"},
		Steps: []program.StepSetting{{Mail: "drop", Coupon: "gift"}, {Wait: "2d before coupon ends", Mail: "last-days", Only: `unused("gift")`}, {}},
	})
	want := `start: {at: 2027-06-18 18:00}
for: favourite_category == "Coffee, beans"
until: [order, coupon used]
class: offer
steps:
  - mail: drop
    coupon: gift
  - wait: 2d before coupon ends
  - mail: last-days
    if: unused("gift")
`
	if err != nil || got != want {
		t.Errorf("Set = %v\n%s\nwant\n%s", err, got, want)
	}
	after := program.ReadCampaign(got)
	for line, at := range map[int]string{0: " 0", 1: "start 0", 2: "for 0", 5: "steps 0", 6: "steps 1", 7: "steps 1", 8: "steps 2", 9: "steps 2", 10: "steps 2"} {
		key, step := after.At(line)
		if got := fmt.Sprintf("%s %d", key, step); got != at {
			t.Errorf("line %d belongs to %q, want %q", line, got, at)
		}
	}
}

// Whatever the values and the file are, what is written reads back as it was set, or is
// refused; nothing that stood beside it is lost.
func FuzzSettings(f *testing.F) {
	f.Add(lapsed, "class", "offer", "a: b # c")
	f.Add("start: joins\r\nsteps:\r\n  - mail: a # x\r\n", "for", "'\"[", "{")
	f.Fuzz(func(t *testing.T, text, key, value, mail string) {
		if len(text) > 2000 {
			return
		}
		c := program.ReadCampaign(text)
		next := program.Settings{Kind: c.Kind, Start: c.Start, Keys: maps.Clone(c.Keys), Steps: append(slices.Clone(c.Steps), program.StepSetting{Mail: mail, Wait: value})}
		if slices.Contains(program.SettingKeys, key) {
			next.Keys[key] = value
		}
		got, err := c.Set(next)
		if err != nil {
			return
		}
		for _, line := range strings.Split(text, "\n") {
			if at := strings.Index(line, " #"); at >= 0 && !strings.Contains(got, strings.TrimRight(line[at:], "\r ")) {
				t.Errorf("Set(%q) loses %q:\n%s", text, line[at:], got)
			}
		}
	})
}

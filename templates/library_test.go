package templates_test

import (
	"strings"
	"testing"

	"regulars/internal/program"
	"regulars/templates"
)

func TestTheStarterPassesCheck(t *testing.T) {
	t.Parallel()
	sets := [][]string{nil}
	for _, e := range templates.Library() {
		sets = append(sets, []string{e.Name})
	}
	for _, names := range sets {
		files, err := templates.Starter(names...)
		if err != nil {
			t.Fatalf("Starter(%v) = %v", names, err)
		}
		p, _, problems := program.Load(files)
		for _, problem := range problems {
			t.Errorf("check of Starter(%v): %v", names, problem)
		}
		for _, c := range p.Campaigns {
			if c.Live && c.Name != program.ConfirmCampaign {
				t.Errorf("Starter(%v): %s is live, want a draft", names, c.Name)
			}
		}
		if _, points := files["loyalty.yaml"]; points != (p.Loyalty != nil) || points && names == nil {
			t.Errorf("Starter(%v) has a loyalty.yaml: %t", names, points)
		}
		if want := max(len(names), 1); len(p.Campaigns) < want {
			t.Errorf("Starter(%v) has %d campaigns, want at least %d", names, len(p.Campaigns), want)
		}
	}
}

// A mail that nobody has written yet begins with one on which check finds nothing.
func TestAMailToBeginWithPassesCheck(t *testing.T) {
	t.Parallel()
	for _, coupon := range []bool{true, false} {
		files, err := templates.Starter("welcome")
		if err != nil {
			t.Fatal(err)
		}
		const mail = "campaigns/welcome/1-welcome.en.md"
		if files[mail] == "" {
			t.Fatalf("the starter has no %s", mail)
		}
		files[mail] = templates.Start(coupon)
		_, _, problems := program.Load(files)
		for _, p := range problems {
			if p.File == mail && (coupon || p.Level != program.Warning) {
				t.Errorf("with a code %t: %v", coupon, p)
			}
		}
		if got := strings.Contains(files[mail], "{{ coupon.code }}"); got != coupon {
			t.Errorf("with a code %t: %s", coupon, files[mail])
		}
	}
}

func TestTheLibrarySaysWhatItHas(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	for _, e := range templates.Library() {
		have[e.Name] = true
		if !strings.HasSuffix(e.About, ".") || strings.Contains(e.About, "\n") {
			t.Errorf("%s is about %q, want one sentence", e.Name, e.About)
		}
		if e.Files["campaign.yaml"] == "" || e.Files["pools.yaml"] != "" {
			t.Errorf("%s has the files %v, want campaign.yaml and its mails only", e.Name, e.Files)
		}
	}
	for _, want := range []string{"welcome", "milestone", "win-back", "coupon-drop", "newsletter", "birthday", "second-order", "tier-reached", "points-ending", "statement", "tier-ending", "card-filled", "reward-claimed", "friend-joined", "friend-rewarded", "friend-welcome"} {
		if !have[want] {
			t.Errorf("the library has no %s", want)
		}
	}
}

func TestAnUnknownCampaignIsNamed(t *testing.T) {
	t.Parallel()
	if _, err := templates.Starter("welcom"); err == nil || !strings.Contains(err.Error(), "win-back") {
		t.Errorf(`Starter("welcom") = %v, want an error that lists what there is`, err)
	}
}

package main

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/internal/patiently"
)

// priced is a program with a mail of which the price is wrong, for a launch and for
// those who wish for something.
var priced = map[string]string{
	"program.yaml":                   askedShop["program.yaml"] + "tracking: {clicks: false}\n",
	"pools.yaml":                     "gift: {kind: generated, pattern: \"GIFT-########\", amount: 5, valid_for: 14d, checkout: asks_us}\n",
	"campaigns/spring/campaign.yaml": "live: true\nstart: {launch: {}}\nsteps:\n  - mail: spring\n",
	"campaigns/spring/spring.en.md":  "---\nsubject: Spring\n---\nBoots for 19.90, {{ member.first_name | default \"friend\" }}.\n",
	"campaigns/gift/campaign.yaml":   "live: true\nstart: joins\nsteps:\n  - mail: gift\n    coupon: gift\n",
	"campaigns/gift/gift.en.md":      "---\nsubject: A gift\n---\nYour code is {{ coupon.code }}.\n",
}

// written writes files to a folder, over what is there.
func written(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// opened puts a program in force, with three members who agreed to everything.
func (s shop) opened(files map[string]string) (dir string) {
	s.t.Helper()
	dir = s.t.TempDir()
	written(s.t, dir, files)
	members := filepath.Join(s.t.TempDir(), "members.csv")
	rows := "member,email,first_name,last_name,joined\nANA,ana@example.test,Ana,Åström,2026-01-01\nBEN,ben@example.test,Ben,Groß,2026-01-01\nCAT,cat@example.test,Cat,İnan,2026-01-01\n"
	if err := os.WriteFile(members, []byte(rows), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.must("apply", dir)
	s.must("import", "members", members, "--consent", "offers,newsletter", "--consent-source", "test", "--consent-at", "2026-01-01")
	return dir
}

// says runs a command with something typed, and returns all that it said.
func (s shop) says(typed string, args ...string) string {
	s.t.Helper()
	var out bytes.Buffer
	if code := run(context.Background(), args, surroundings{in: strings.NewReader(typed), out: &out, err: &out, env: s.env, timing: patiently.AtMost}); code != 0 {
		s.t.Fatalf("regulars %s: exit %d\n%s", strings.Join(args, " "), code, out.String())
	}
	return out.String()
}

// wants says which of some words a text lacks.
func wants(t *testing.T, about, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s says\n%swant %q in it", about, text, w)
		}
	}
}

func TestACorrectedMailIsToldOfAndSent(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		dir := s.opened(priced)
		s.must("campaign", "launch", "spring", "--yes")
		if got := s.must("status", "--json"); strings.Contains(got, "texts of version") {
			t.Errorf("before the correction, status says %s", got)
		}
		held := s.says("", "hold", "spring")
		wants(t, "hold without a reason", held, "held: campaign spring", "regulars hold spring --because TEXT")
		wants(t, "status", s.run("status").out, "no reason was given yet")
		s.says("", "hold", "spring", "--because", "wrong price")
		wants(t, "status", s.run("status").out, "wrong price")

		written(t, dir, map[string]string{"campaigns/spring/spring.en.md": "---\nsubject: Spring\n---\nBoots for 91.90.\n"})
		const old = "run 1 of spring goes on with the texts of version 1 for the 3 mails not yet sent. For the new ones: regulars runs pause 1, and then regulars runs resume 1 --texts latest"
		wants(t, "plan", s.says("", "plan", dir), old)
		wants(t, "apply", s.says("", "apply", dir), old)
		wants(t, "status", s.run("status").out, old)

		wants(t, "release that nobody answers", s.says("", "release", "spring"), old, "They keep the texts")
		s.says("the price again\n", "hold", "spring")
		wants(t, "status", s.run("status").out, "the price again")
		wants(t, "release", s.says("y\n", "release", "spring"), old, "[y/N]", "3 mails go with the texts of the version in force", "released: campaign spring")
		if got := s.run("status").out; strings.Contains(got, "with the texts of version 1") {
			t.Errorf("after the release, status says\n%s", got)
		}

		// A mail that is gone cannot be renewed, and what stands around a mail counts too.
		renamed := maps.Clone(priced)
		delete(renamed, "campaigns/spring/spring.en.md")
		renamed["campaigns/spring/campaign.yaml"] = strings.Replace(renamed["campaigns/spring/campaign.yaml"], "mail: spring", "mail: other", 1)
		renamed["campaigns/spring/other.en.md"] = priced["campaigns/spring/spring.en.md"]
		other := t.TempDir()
		written(t, other, renamed)
		s.says("", "apply", other)
		s.must("runs", "pause", "1")
		if got := s.run("runs", "resume", "1", "--texts", "latest"); got.code == 0 || !strings.Contains(got.err, "has no mail spring") {
			t.Errorf("resume with texts that are gone: exit %d, %s", got.code, got.err)
		}
	})
}

func TestAnEditIsSeenBeforeItIsLive(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		dir := s.opened(priced)
		written(t, dir, map[string]string{"campaigns/spring/spring.en.md": "---\nsubject: Spring\n---\nBoots for 91.90, {{ member.first_name }}.\n"})
		for _, tt := range []struct {
			args string
			has  []string
		}{
			{"campaign preview spring", []string{"19.90, Ana", "version 1, which is in force", "as a made-up member"}},
			{"campaign preview spring --as BEN", []string{"19.90, Ben", "as BEN gets it"}},
			{"campaign preview spring --as BEN --from " + dir, []string{"91.90, Ben", dir + ", which is not in force"}},
			{"preview " + dir + " spring", []string{"91.90, Ana", dir + ", which is not in force", "as a made-up member"}},
			{"preview " + dir + " gift gift --as CAT", []string{"GIFT-"}},
			{"campaign send-test spring --to me@example.test --from " + dir, []string{dir + ", which is not in force", "Handed to"}},
			{"campaign send-test gift --to me@example.test", []string{"version 1, which is in force", "Handed to"}},
		} {
			wants(t, tt.args, s.says("", strings.Fields(tt.args)...), tt.has...)
		}
		nowhere := shop{t: t, env: []string{"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "none.db")}}
		wants(t, "preview without a database", nowhere.says("", "preview", dir, "spring"), "91.90, Ana")
	})
}

func TestALaunchSaysWhatStandsInItsWay(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		files := maps.Clone(priced)
		files["program.yaml"] = askedShop["program.yaml"] + "caps: [1 per 16h]\n"
		files["pools.yaml"] = "few: {kind: generated, pattern: \"FEW-########\", amount: 5, valid_for: 14d, stock: 2, budget: 100, checkout: asks_us}\n"
		delete(files, "campaigns/gift/campaign.yaml")
		delete(files, "campaigns/gift/gift.en.md")
		files["campaigns/drop/campaign.yaml"] = "live: true\nstart: {launch: {}}\nsteps:\n  - mail: drop\n    coupon: few\n"
		files["campaigns/drop/drop.en.md"] = "---\nsubject: A code\n---\n{{ coupon.code }}\n"
		files["campaigns/keen/campaign.yaml"] = "live: true\nstart: {launch: {}}\nfor: not clicked(\"spring\")\nsteps:\n  - mail: keen\n"
		files["campaigns/keen/keen.en.md"] = "---\nsubject: Keen\n---\nHello.\n"
		dir := s.opened(files)
		const short = "drop: 3 members as of now, a code of pool few (5.00 EUR off) each; only 2 codes can be given, 1 too few, so it would not start; they cost 15.00 EUR at most, if all are used; the pool's budget is 100.00 EUR"
		wants(t, "plan", s.says("", "plan", dir), short)
		wants(t, "status", s.run("status").out, short, "campaigns/keen/campaign.yaml:3:6: warning: the rule reads clicked, and tracking is off")
		wants(t, "a launch with a rule about clicks", s.says("", "campaign", "launch", "keen", "--yes"), "tracking is off", "Run 1 has begun; workers are sending.")
		wants(t, "a second launch", s.says("", "campaign", "launch", "spring", "--yes"), "Run 2 has begun, and goes out when those before it are out", "run 1 of keen has 3 mails to send first")
	})
}

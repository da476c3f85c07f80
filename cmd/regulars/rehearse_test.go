package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/internal/rehearsal"
)

// TestARehearsalFindsTheFifthOrders plays the first month of a real history: who
// reached the fifth order in it is known.
func TestARehearsalFindsTheFifthOrders(t *testing.T) {
	t.Parallel()
	unraced(t)
	file := data(t, "cdnow/orders.csv")
	s := shop{t: t}
	out := s.must("rehearse", directory(t, milestoneShop), "--orders", file, "--order-id", "row",
		"--map", "member=customer_id,at=ordered_at,quantity=quantity,total=amount", "--from", "1997-01-01", "--to", "1997-01-31", "--everyone", "--json")
	var got rehearsal.Outcome
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if c := got.Campaigns["fifth"]; c == nil || c.Mails != 17 || c.ByMonth["1997-01"] != 17 || c.ByMail["thanks"] != 17 {
		t.Errorf("rehearse says %s, want 17 mails in 1997-01", out)
	}
}

// TestARehearsalLeavesTheShopAlone plays over the shop's own database.
func TestARehearsalLeavesTheShopAlone(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		s.must("import", "members", manyMembers(t, 20), "--consent", "offers,newsletter", "--consent-source", "test", "--consent-at", "2026-01-01")
		dir := directory(t, quietShop)
		var got rehearsal.Outcome
		out := s.must("rehearse", dir, "--from", "2026-02-01", "--to", "2026-02-03", "--json")
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		if c := got.Campaigns["win-back"]; c == nil || c.Mails != 20 || c.Codes != 20 {
			t.Errorf("rehearse says %s, want 20 mails with a code each", out)
		}
		if sent := s.must("sends", "list", "--json"); sent != "null\n" && sent != "[]\n" {
			t.Errorf("the shop's ledger has sends: %s", sent)
		}
		if got := s.run("rehearse", dir, "--from", "2026-02-03", "--to", "2026-02-01"); got.code != misuse {
			t.Errorf("days that end before they begin: exit %d, %s", got.code, got.err)
		}
	})
}

// TestARehearsalTakesTheFlagsOfImport reads a file of orders in another zone, with
// columns of its own.
func TestARehearsalTakesTheFlagsOfImport(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "orders.csv")
	// By Helsinki's clocks the second order is one of 1 February.
	if err := os.WriteFile(file, []byte("nr,customer,when,sum\n1,ANA,2026-01-10 10:00,5\n2,ANA,2026-01-31 23:30,5\nx,,2026-01-31,5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := shop{t: t}
	dir := directory(t, map[string]string{
		"program.yaml":                   askedShop["program.yaml"],
		"campaigns/second/campaign.yaml": "start: {milestone: orders, at: [2]}\nsteps:\n  - mail: m\n",
		"campaigns/second/m.en.md":       "---\nsubject: Hello\n---\nHello.\n",
		"campaigns/joins/campaign.yaml":  "start: joins\nsteps:\n  - mail: m\n",
		"campaigns/joins/m.en.md":        "---\nsubject: Hello\n---\nHello.\n",
	})
	rejects := filepath.Join(t.TempDir(), "rejects.csv")
	args := []string{"rehearse", dir, "--from", "2026-01-01", "--to", "2026-02-28", "--orders", file, "--json",
		"--map", "order=nr,member=customer,at=when,total=sum", "--zone", "UTC", "--source", "till", "--format", "csv", "--rejects", rejects}
	var got rehearsal.Outcome
	if err := json.Unmarshal([]byte(s.must(append(args, "--everyone")...)), &got); err != nil {
		t.Fatal(err)
	}
	if c := got.Campaigns["second"]; c == nil || c.ByMonth["2026-02"] != 1 {
		t.Errorf("rehearse says %+v, want one mail in February", c)
	}
	if text, err := os.ReadFile(rejects); err != nil || !strings.Contains(string(text), "2026-01-31") {
		t.Errorf("the refused row is not kept: %s, %v", text, err)
	}
	if err := json.Unmarshal([]byte(s.must(args...)), &got); err != nil {
		t.Fatal(err)
	}
	if c := got.Campaigns["joins"]; !strings.Contains(c.NotTried, "--everyone") {
		t.Errorf("joins: %+v, want not tried without --everyone", c)
	}
	if got := s.run("rehearse", dir, "--from", "2026-01-01", "--to", "2026-02-28", "--zone", "UTC"); got.code != misuse || !strings.Contains(got.err, "--orders FILE") {
		t.Errorf("a flag about a file without one: exit %d, %s", got.code, got.err)
	}
}

// TestARehearsalIsHeldAgainstAnother plays two programs over the same days.
func TestARehearsalIsHeldAgainstAnother(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		s.must("import", "members", manyMembers(t, 20), "--consent", "offers,newsletter", "--consent-source", "test", "--consent-at", "2026-01-01")
		next := directory(t, quietShop)
		other := directory(t, askedShop)
		days := []string{"--from", "2026-02-01", "--to", "2026-02-03"}
		if out := s.must(append([]string{"rehearse", next, "--against", other}, days...)...); !strings.Contains(out, "against the other program: win-back: 20 mails, not 0; 20 codes, not 0\n") {
			t.Errorf("rehearse --against says\n%s", out)
		}
		if out := s.must(append([]string{"rehearse", next, "--against", next}, days...)...); !strings.Contains(out, "against the other program: each campaign sends as many mails") {
			t.Errorf("a program against itself says\n%s", out)
		}
		var got rehearsal.Outcome
		if err := json.Unmarshal([]byte(s.must(append([]string{"rehearse", next, "--against", other, "--json"}, days...)...)), &got); err != nil || got.Against == nil || got.Against.Mails() != 0 || got.Mails() != 20 {
			t.Errorf("rehearse --against --json: %+v, %v", got, err)
		}
		svg := filepath.Join(t.TempDir(), "days.svg")
		s.must(append([]string{"rehearse", next, "--svg", svg}, days...)...)
		if drawn, err := os.ReadFile(svg); err != nil || !strings.Contains(string(drawn), ": 20 mails (win-back 20)") {
			t.Errorf("the calendar: %v %.300s", err, drawn)
		}
		if got := s.run(append([]string{"rehearse", next, "--against", "nowhere"}, days...)...); got.code == 0 || !strings.Contains(got.err, "nowhere") {
			t.Errorf("against a directory that is not there: exit %d, %s", got.code, got.err)
		}
	})
}

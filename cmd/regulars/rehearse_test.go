package main

import (
	"encoding/json"
	"testing"

	"regulars/internal/rehearsal"
)

// TestARehearsalFindsTheFifthOrders plays the first month of a real history: who
// reached the fifth order in it is known.
func TestARehearsalFindsTheFifthOrders(t *testing.T) {
	t.Parallel()
	file := data(t, "cdnow/orders.csv")
	s := shop{t: t, binary: built(t)}
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

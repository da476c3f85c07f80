package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"regulars/internal/loyalty"
)

// TestReferralsByHand has a members file make three friends join, and a person decide on two.
func TestReferralsByHand(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		dir := t.TempDir()
		today := loyalty.DayOf(time.Now(), time.UTC)
		for name, text := range map[string]string{
			"program.yaml": "shop: {name: Anna, url: https://shop.example, address: \"Kauppakatu 1, Helsinki\"}\nmail: {from: \"Anna <anna@shop.example>\"}\nlanguages: [en]\ncurrency: EUR\nzone: UTC\n",
			"pools.yaml":   "hello: {kind: generated, pattern: HELLO-########, percent: 10, valid_for: 60d, checkout: asks_us}\n",
			"loyalty.yaml": "points: {earn: [1 per 1.00]}\nreferral: {friend: hello, referrer: 500}\n",
			"members.csv": "member,email,joined,joined_at,referred_by\nana,ana@example.test,yes," + (today - 400).String() + ",\nold,old@example.test,yes," + (today - 200).String() +
				",ana\nben,ben@example.test,yes," + (today - 1).String() + ",ana\ncat,ana+cat@example.test,yes," + (today - 1).String() + ",ana\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		members := filepath.Join(dir, "members.csv")
		s.must("apply", dir)
		s.must("import", "members", members, "--zone", "UTC")
		list := func(args ...string) (all []shownReferral) {
			if err := json.Unmarshal([]byte(s.must(append([]string{"referral", "list", "--json"}, args...)...)), &all); err != nil {
				t.Fatal(err)
			}
			return all
		}
		all := list()
		if len(all) != 2 || len(list("--pending")) != 1 {
			t.Fatalf("referral list --json = %+v", all)
		}
		for _, f := range all {
			if got := f.Friend + " " + f.State + " " + f.Reason; got != "ben pending " && got != "cat refused self" {
				t.Errorf("referral list --json has %s", got)
			}
		}
		cat := strconv.FormatInt(all[0].ID, 10)
		if got := s.run("referral", "approve", cat); got.code == 0 || !strings.Contains(got.err, "say why") {
			t.Errorf("referral approve without a reason: exit %d, %q", got.code, got.err)
		}
		if got := s.must("referral", "approve", cat, "--because", "one house"); !strings.Contains(got, "rewarded") || !strings.Contains(got, "one house") {
			t.Errorf("referral approve says\n%s", got)
		}
		s.must("doctor")
	})
}

package consent_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
)

// A year of one member's mails under any caps and quiet hours, in any zone, whatever
// campaigns want and however often what was put off is asked for again: no span that slides
// over what went out has more offers than its cap, and nothing but what the member's own
// act caused goes out in quiet hours. No answer is no yes: neither to a topic that was never
// asked about nor where nothing is known of the member.
func TestAYearOfTheGate(t *testing.T) {
	t.Parallel()
	shop := helsinki(t)
	zones := []string{"", "Europe/Helsinki", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"}
	rapid.Check(t, func(t *rapid.T) {
		caps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) loyalty.Cap {
			return loyalty.Cap{N: rapid.IntRange(1, 5).Draw(t, "n"), Per: time.Duration(rapid.IntRange(1, 30*24).Draw(t, "hours")) * time.Hour}
		}), 0, 3).Draw(t, "caps")
		quiet := loyalty.QuietHours{From: 60 * rapid.IntRange(0, 23).Draw(t, "from"), To: 60 * rapid.IntRange(0, 23).Draw(t, "to")}
		if rapid.IntRange(0, 5).Draw(t, "no quiet hours") == 0 {
			quiet = loyalty.QuietHours{}
		}
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		policy := consent.Policy{Quiet: quiet, Caps: caps, Defer: time.Duration(rapid.IntRange(0, 10*24).Draw(t, "defer")) * time.Hour, Zones: consent.NewZones(shop)}
		wall := policy.Zones.Of(zone)
		member := consent.Candidate{Email: "ana@example.test", EmailKey: []byte{1}, Zone: zone, Joined: true}

		now := loyalty.At(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
		end := now.Plus(366 * 24 * time.Hour)
		var waiting []consent.Candidate
		var due []loyalty.Instant
		var offers []loyalty.Instant // that went out, oldest first
		ask := func(c consent.Candidate) {
			slices.Reverse(offers)
			c.Recent = [loyalty.MostCapped]loyalty.Instant{}
			copy(c.Recent[:], offers)
			slices.Reverse(offers)
			d := consent.Decide(c, policy, now)
			switch {
			case !d.Pass() && !d.Defer():
				return
			case d.Defer():
				if !d.Until.After(now.Time) {
					t.Fatalf("put off at %s until %s", now, d.Until)
				}
				if !d.Expires.IsZero() {
					c.ExpiresAt = d.Expires
				}
				waiting, due = append(waiting, c), append(due, d.Until)
				return
			}
			caused := c.Class != loyalty.Offer && !c.OwnActAt.IsZero()
			if local := now.In(wall); quiet.Next(local).After(local) && !caused {
				t.Fatalf("an %s went out at %s, within %v", c.Class, local, quiet)
			}
			if c.Class != loyalty.Service && c.Answered && !c.Granted {
				t.Fatalf("an %s of %s went out after a no", c.Class, c.Topic)
			}
			if c.Class == loyalty.Offer && !c.Granted {
				t.Fatalf("an offer went out without a yes: answered %v", c.Answered)
			}
			if c.Class == loyalty.Offer {
				offers = append(offers, now)
			}
		}
		for now.Before(end.Time) {
			now = now.Plus(time.Duration(rapid.IntRange(1, 4*24*60).Draw(t, "minutes")) * time.Minute)
			for i := len(due) - 1; i >= 0; i-- { // what was put off, now that its time has come
				if !due[i].After(now.Time) {
					c := waiting[i]
					waiting, due = slices.Delete(waiting, i, i+1), slices.Delete(due, i, i+1)
					ask(c)
				}
			}
			for range rapid.IntRange(0, 4).Draw(t, "mails") {
				c := member
				c.QueuedAt = now
				c.Class, c.Topic = rapid.SampledFrom([]string{loyalty.Offer, loyalty.Earned, loyalty.Service}).Draw(t, "class"), rapid.SampledFrom([]string{loyalty.Offers, loyalty.Newsletter}).Draw(t, "topic")
				c.Answered = rapid.Bool().Draw(t, "answered")
				c.Granted = c.Answered && rapid.Bool().Draw(t, "granted")
				if rapid.Bool().Draw(t, "expires") {
					c.ExpiresAt = now.Plus(time.Duration(rapid.IntRange(1, 72).Draw(t, "within")) * time.Hour)
				}
				if rapid.IntRange(0, 3).Draw(t, "own act") == 0 {
					c.OwnActAt = now
				}
				ask(c)
			}
		}
		for _, limit := range caps {
			for i := range offers {
				if j := i + limit.N; j < len(offers) && offers[j].Sub(offers[i].Time) < limit.Per {
					t.Fatalf("%d offers within %s: %v", limit.N+1, limit.Per, fmt.Sprint(offers[i:j+1]))
				}
			}
		}
	})
}

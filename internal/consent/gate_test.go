package consent_test

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"testing"
	"time"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func helsinki(t testing.TB) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

var night = loyalty.QuietHours{From: 21 * 60, To: 8 * 60}

// at is a moment of 3 March 2027 or so on the wall of Helsinki.
func at(t testing.TB, wall string) loyalty.Instant {
	t.Helper()
	m, err := time.ParseInLocation("2006-01-02 15:04:05", "2027-03-0"+wall, helsinki(t))
	if err != nil {
		t.Fatal(err)
	}
	return loyalty.At(m)
}

func TestDecide(t *testing.T) {
	t.Parallel()
	zones := consent.NewZones(helsinki(t))
	noon, evening, morning := at(t, "3 12:00:00"), at(t, "3 23:00:00"), at(t, "4 08:00:00")
	offer := consent.Candidate{Class: "offer", Topic: "offers", Email: "ana@example.test", EmailKey: []byte{1},
		Joined: true, Answered: true, Granted: true, QueuedAt: noon, ExpiresAt: noon.Plus(6 * time.Hour)}
	earned, service := offer, offer
	earned.Class, earned.Topic, earned.ExpiresAt = "earned", "program", loyalty.Instant{}
	service.Class, service.Answered, service.Granted, service.ExpiresAt = "service", false, false, loyalty.Instant{}

	type change func(*consent.Candidate, *consent.Policy)
	with := func(changes ...change) []change { return changes }
	member := func(f func(*consent.Candidate)) change { return func(c *consent.Candidate, _ *consent.Policy) { f(c) } }
	quietly := func(_ *consent.Candidate, p *consent.Policy) { p.Quiet = night }
	capped := func(_ *consent.Candidate, p *consent.Policy) { p.Caps = usual }
	deferring := func(_ *consent.Candidate, p *consent.Policy) { p.Defer = 24 * time.Hour }
	mailed := func(ago time.Duration) change {
		return member(func(c *consent.Candidate) { c.Recent[0] = noon.Plus(-ago) })
	}
	acted := func(when loyalty.Instant) change { return member(func(c *consent.Candidate) { c.OwnActAt = when }) }

	for _, tt := range []struct {
		name  string
		from  consent.Candidate
		with  []change
		now   loyalty.Instant
		want  string
		until loyalty.Instant
	}{
		{name: "an offer with consent goes", from: offer, now: noon},
		{name: "without an answer it does not", from: offer, with: with(member(func(c *consent.Candidate) { c.Answered = false })), now: noon, want: "no_consent"},
		{name: "after a no it does not", from: offer, with: with(member(func(c *consent.Candidate) { c.Granted = false })), now: noon, want: "no_consent"},
		{name: "somebody known only gets offers with consent", from: offer, with: with(member(func(c *consent.Candidate) { c.Joined = false })), now: noon},
		{name: "but no mail of the program", from: earned, with: with(member(func(c *consent.Candidate) { c.Joined = false })), now: noon, want: "no_consent"},
		{name: "who joined gets them without an answer", from: earned, with: with(member(func(c *consent.Candidate) { c.Answered, c.Granted = false, false })), now: noon},
		{name: "and not after a no", from: earned, with: with(member(func(c *consent.Candidate) { c.Granted = false })), now: noon, want: "no_consent"},
		{name: "a service mail needs no consent", from: service, now: noon},
		{name: "but an address", from: service, with: with(member(func(c *consent.Candidate) { c.Email, c.EmailKey = "", nil })), now: noon, want: "no_address"},
		{name: "that is not suppressed", from: service, with: with(member(func(c *consent.Candidate) { c.Suppressed = true })), now: noon, want: "suppressed"},
		{name: "of somebody who is still there", from: service, with: with(member(func(c *consent.Candidate) { c.Erased = true })), now: noon, want: "erased"},
		{name: "and not somebody else by now", from: service, with: with(member(func(c *consent.Candidate) { c.Merged = true })), now: noon, want: "cancelled"},
		{name: "staging mails only to its own", from: offer, with: with(func(_ *consent.Candidate, p *consent.Policy) { p.Only = regexp.MustCompile(`@shop\.example$`) }), now: noon, want: "blocked"},
		{name: "on the last moment it is not late", from: offer, now: noon.Plus(6 * time.Hour)},
		{name: "and then it is", from: offer, now: noon.Plus(6*time.Hour + time.Microsecond), want: "late"},
		{name: "an earned mail has no end", from: earned, now: noon.Plus(1000 * time.Hour)},

		{name: "an offer waits for the morning", from: offer, with: with(quietly, member(func(c *consent.Candidate) { c.ExpiresAt = morning })), now: evening, want: "quiet", until: morning},
		{name: "unless it would be late by then", from: offer, with: with(quietly, member(func(c *consent.Candidate) { c.ExpiresAt = evening })), now: evening, want: "quiet_expired"},
		{name: "an earned mail waits, too", from: earned, with: with(quietly), now: evening, want: "quiet", until: morning},
		{name: "and is not dropped for it", from: earned, with: with(quietly, member(func(c *consent.Candidate) { c.ExpiresAt = evening })), now: evening, want: "quiet", until: morning},
		{name: "it goes at once after the member's own act", from: earned, with: with(quietly, acted(evening.Plus(-15*time.Minute))), now: evening},
		{name: "of the last fifteen minutes", from: earned, with: with(quietly, acted(evening.Plus(-15*time.Minute-time.Microsecond))), now: evening, want: "quiet", until: morning},
		{name: "so does a double opt-in", from: service, with: with(quietly, acted(evening)), now: evening},
		{name: "an offer never does", from: offer, with: with(quietly, acted(evening), member(func(c *consent.Candidate) { c.ExpiresAt = morning })), now: evening, want: "quiet", until: morning},
		{name: "night is on the member's clock", from: earned, with: with(quietly, member(func(c *consent.Candidate) { c.Zone = "Asia/Taipei" })), now: noon.Plus(5 * time.Hour), want: "quiet", until: at(t, "4 02:00:00")},
		{name: "an unknown zone is the shop's", from: earned, with: with(quietly, member(func(c *consent.Candidate) { c.Zone = "Mars/Olympus" })), now: noon.Plus(5 * time.Hour)},

		{name: "one offer in sixteen hours", from: offer, with: with(capped, mailed(time.Hour)), now: noon, want: "capped"},
		{name: "is what an earned mail does not count for", from: earned, with: with(capped, mailed(time.Hour)), now: noon},
		{name: "a campaign may let it wait", from: offer, with: with(capped, deferring, mailed(time.Hour)), now: noon, want: "capped", until: noon.Plus(15 * time.Hour)},
		{name: "but not longer than it says", from: offer, with: with(capped, deferring, mailed(time.Hour), member(func(c *consent.Candidate) { c.QueuedAt = noon.Plus(-10 * time.Hour) })), now: noon, want: "capped"},
		{name: "quiet hours come before caps", from: offer, with: with(capped, quietly, mailed(-11*time.Hour), member(func(c *consent.Candidate) { c.ExpiresAt = morning })), now: evening, want: "quiet", until: morning},
	} {
		c, p := tt.from, consent.Policy{Zones: zones}
		for _, f := range tt.with {
			f(&c, &p)
		}
		got := consent.Decide(c, p, tt.now)
		if got.Reason != tt.want || got.Until != tt.until {
			t.Errorf("%s: Decide = %q until %v, want %q until %v", tt.name, got.Reason, got.Until, tt.want, tt.until)
		}
		if kinds := []bool{got.Pass(), got.Skip(), got.Defer()}; kinds[0] != (tt.want == "") || kinds[2] != !tt.until.IsZero() || kinds[0] && kinds[1] {
			t.Errorf("%s: pass, skip, defer = %v", tt.name, kinds)
		}
		if got.Defer() && !got.Expires.IsZero() && !got.Expires.After(got.Until.Time) {
			t.Errorf("%s: waits until %v but expires at %v", tt.name, got.Until, got.Expires)
		}
	}
}

func TestPolicyFor(t *testing.T) {
	t.Parallel()
	day := loyalty.QuietHours{From: 60, To: 120}
	p := &program.Program{Quiet: night, Caps: usual}
	for _, tt := range []struct {
		name string
		c    program.Campaign
		want loyalty.QuietHours
	}{
		{"the program's quiet hours", program.Campaign{}, night},
		{"the campaign's own", program.Campaign{Quiet: &day}, day},
		{"off", program.Campaign{Quiet: &loyalty.QuietHours{}}, loyalty.QuietHours{}},
	} {
		if got := consent.PolicyFor(p, &tt.c, nil, nil).Quiet; got != tt.want {
			t.Errorf("%s: quiet %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ana := add(t, db, "ana", person{zone: "Asia/Taipei"})
		ben := add(t, db, "ben", person{known: true, none: true})
		say(t, db, ana, loyalty.Offers, true, consent.How{Source: "checkout"})
		take(t, db, hours(-20), nil, ana)
		take(t, db, hours(-10), nil, ana)
		update(t, db, func(tx *store.Tx) error {
			return consent.Suppress(tx, consent.Key(pepper, "ana@example.test"), consent.HardBounce, "550")
		})
		first := queue(t, db, ana, letter{class: "offer", topic: "offers", expires: hours(6), ownAct: hours(-0.1)})
		second := queue(t, db, ben, letter{class: "earned", topic: "program"})

		var got []consent.Candidate
		update(t, db, func(tx *store.Tx) (err error) {
			got, err = consent.Load(tx, []int64{second, first, 999}, consent.Ledger{})
			return err
		})
		if len(got) != 2 {
			t.Fatalf("Load = %d candidates, want 2", len(got))
		}
		a, b := got[0], got[1]
		if a.Send != first || a.Member != ana || a.Campaign != 7 || a.Version != 1 || a.Step != "mail" || a.Class != "offer" || a.Topic != "offers" ||
			a.QueuedAt != now || a.ExpiresAt != hours(6) || a.Email != "ana@example.test" || !a.Joined || a.Erased || a.Merged || !a.Answered || !a.Granted ||
			!a.Suppressed || a.Zone != "Asia/Taipei" || a.Recent[0] != hours(-10) || a.Recent[1] != hours(-20) || !a.Recent[2].IsZero() || a.OwnActAt != hours(-0.1) {
			t.Errorf("Load(ana) = %+v", a)
		}
		if b.Send != second || b.Member != ben || b.Email != "" || b.EmailKey != nil || b.Joined || b.Answered || b.Granted || b.Suppressed ||
			!b.Recent[0].IsZero() || !b.OwnActAt.IsZero() || !b.ExpiresAt.IsZero() || b.Run != 0 || b.Code != 0 {
			t.Errorf("Load(ben) = %+v", b)
		}
	})
}

// What has become of a send or its member since the first look is seen by the second.
func TestReloadSeesWhatHasChanged(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ana := add(t, db, "ana", person{known: true})
		say(t, db, ana, loyalty.Offers, true, consent.How{Source: "checkout"})
		send := queue(t, db, ana, letter{class: "offer", topic: "offers", expires: hours(6)})
		var first []consent.Candidate
		update(t, db, func(tx *store.Tx) (err error) {
			first, err = consent.Load(tx, []int64{send}, consent.Ledger{})
			return err
		})

		for _, change := range []struct {
			what string
			make func(tx *store.Tx) error
			seen func(c consent.Candidate) bool
		}{
			{"nothing", func(*store.Tx) error { return nil }, func(c consent.Candidate) bool { return reflect.DeepEqual(c, first[0]) }},
			{"a no to the topic", func(tx *store.Tx) error {
				return consent.Refuse(tx, ana, []string{loyalty.Offers}, consent.How{Source: "link"})
			},
				func(c consent.Candidate) bool { return c.Answered && !c.Granted }},
			{"a suppression", func(tx *store.Tx) error {
				return consent.Suppress(tx, consent.Key(pepper, "ana@example.test"), consent.HardBounce, "550")
			}, func(c consent.Candidate) bool { return c.Suppressed }},
			{"a mail of another campaign", func(tx *store.Tx) error { _, err := consent.TakeCap(tx, []int64{ana}, nil); return err },
				func(c consent.Candidate) bool { return c.Recent[0] == now }},
			{"an earlier end", func(tx *store.Tx) error {
				_, err := tx.Exec("update sends set expires_at = @at where id = @id", store.Args{"id": send, "at": hours(1)})
				return err
			}, func(c consent.Candidate) bool { return c.ExpiresAt == hours(1) }},
			{"an erased member", func(tx *store.Tx) error {
				_, err := tx.Exec("update members set email = '', email_key = null, time_zone = '', erased_at = @now where id = @id", store.Args{"id": ana, "now": tx.At})
				return err
			}, func(c consent.Candidate) bool { return c.Erased && c.Email == "" && c.EmailKey == nil && !c.Suppressed }},
		} {
			update(t, db, change.make)
			c := first[0]
			update(t, db, func(tx *store.Tx) error { return consent.Reload(tx, []*consent.Candidate{&c}, consent.Ledger{}) })
			if !change.seen(c) || c.Send != send || c.Campaign != 7 || c.Step != "mail" || c.QueuedAt != now {
				t.Errorf("after %s Reload = %+v", change.what, c)
			}
		}

		gone := consent.Candidate{Send: 999}
		err := db.Update(t.Context(), func(tx *store.Tx) error { return consent.Reload(tx, []*consent.Candidate{&gone}, consent.Ledger{}) })
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Reload of a send that is gone = %v, want %v", err, store.ErrNotFound)
		}
	})
}

// An audience is frozen by SQL, a send is gated by Decide: both say the same of
// every sort of member.
func TestLeftOutAgreesWithDecide(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := 0
		for _, known := range []bool{false, true} {
			for _, none := range []bool{false, true} {
				for _, erased := range []bool{false, true} {
					for _, answer := range []string{"", "yes", "no"} {
						for _, suppressed := range []bool{false, true} {
							n++
							name := fmt.Sprint("member", n)
							member := add(t, db, name, person{known: known, none: none, erased: erased})
							for _, topic := range consent.Topics() {
								if answer != "" {
									say(t, db, member, topic, answer == "yes", consent.How{At: hours(-1)})
								}
							}
							if suppressed {
								update(t, db, func(tx *store.Tx) error {
									return consent.Suppress(tx, consent.Key(pepper, name+"@example.test"), consent.Manual, "")
								})
							}
						}
					}
				}
			}
		}
		for _, class := range []string{loyalty.Offer, loyalty.Earned, loyalty.Service} {
			for _, topic := range consent.Topics() {
				compareLeftOut(t, db, class, topic, n)
			}
		}
	})
}

func compareLeftOut(t *testing.T, db *store.DB, class, topic string, members int) {
	t.Helper()
	var sends []int64
	for member := 1; member <= members; member++ {
		sends = append(sends, queue(t, db, int64(member), letter{class: class, topic: topic}))
	}
	var frozen []struct {
		ID     int64
		Reason string
	}
	var candidates []consent.Candidate
	update(t, db, func(tx *store.Tx) (err error) {
		if err = tx.All(&frozen, "select m.id, "+consent.LeftOut(class, topic)+" as reason from members m join facts f on f.member_id = m.id order by m.id", nil); err != nil {
			return err
		}
		candidates, err = consent.Load(tx, sends, consent.Ledger{})
		return err
	})
	policy := consent.Policy{Zones: consent.NewZones(time.UTC)}
	for i, c := range candidates {
		if got, want := frozen[i].Reason, consent.Decide(c, policy, now).Reason; frozen[i].ID != c.Member || got != want {
			t.Errorf("%s mail on %s to member %d: LeftOut = %q, Decide = %q", class, topic, c.Member, got, want)
		}
	}
}

func TestHoldoutGroupsAreTheSameInSQL(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ids := []int64{1, 2, 3, 999, 1_000_003, 1<<31 - 1, 1 << 31, 1 << 62}
		var got []struct{ Value, Bucket int64 }
		for campaign := range int64(5) {
			update(t, db, func(tx *store.Tx) error {
				return tx.All(&got, "select value, "+loyalty.BucketSQL("cast(@campaign as bigint)", "value")+" as bucket from "+tx.JSONEach("@ids"),
					store.Args{"campaign": campaign, "ids": store.JSON(ids)})
			})
			for _, row := range got {
				if want := loyalty.Bucket(campaign, row.Value); row.Bucket != int64(want) {
					t.Errorf("bucket of member %d in campaign %d: SQL %d, Go %d", row.Value, campaign, row.Bucket, want)
				}
			}
		}
	})
}

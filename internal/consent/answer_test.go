package consent_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// word is an answer in the order in which it arrives.
type word struct {
	granted bool
	how     consent.How
}

func yes(at float64, source string) word {
	return word{true, consent.How{At: hours(at), Source: source}}
}
func no(at float64, source string) word {
	return word{false, consent.How{At: hours(at), Source: source}}
}

// heard is an answer of which only is known when the shop told us.
func heard(granted bool, at float64, source string) word {
	return word{granted, consent.How{Heard: hours(at), Source: source}}
}

func TestTheNewestWordStands(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for i, tt := range []struct {
			name  string
			words []word
			want  bool
			rows  int64
		}{
			{"a yes", []word{yes(-2, "checkout")}, true, 1},
			{"a yes and a later no", []word{yes(-2, "checkout"), no(-1, "page")}, false, 2},
			{"an older yes that arrives late", []word{no(-1, "page"), yes(-2, "checkout")}, false, 2},
			{"a yes after a no", []word{no(-2, "page"), yes(-1, "checkout")}, true, 2},
			{"both at one moment", []word{no(-1, "page"), yes(-1, "checkout")}, false, 2},
			{"both at one moment, the no later", []word{yes(-1, "checkout"), no(-1, "page")}, false, 2},
			{"the same answer delivered twice", []word{yes(-1, "checkout"), yes(-1, "checkout")}, true, 1},
			{"a yes from the future does not outlast a no of now", []word{yes(100, "checkout"), no(0, "page")}, false, 2},
			{"a shop that repeats its yes does not undo a no", []word{heard(true, -9, "shop"), no(-8, "page"), heard(true, -7, "shop")}, false, 2},
			{"nor does one whose yes was a no before", []word{heard(false, -9, "shop"), no(-8, "page"), heard(true, -7, "shop")}, false, 3},
			{"the first yes without a time does not, either", []word{no(-8, "page"), heard(true, -7, "order")}, false, 2},
			{"nor does one that came before the no was known", []word{heard(true, -7, "order"), no(-8, "page")}, false, 2},
			{"a no and a yes that both lack a time: the later", []word{heard(false, -9, "shop"), heard(true, -7, "shop")}, true, 2},
			{"a yes with a time makes the later one without a time good", []word{no(-9, "page"), yes(-8, "page"), heard(true, -7, "order")}, true, 3},
			{"and a no with a time after both ends it", []word{no(-9, "page"), yes(-8, "page"), no(-7, "page"), heard(true, -6, "order")}, false, 4},
			{"a yes with its own time is meant, too", []word{yes(-9, "shop"), no(-8, "page"), yes(-7, "shop")}, true, 3},
			{"an answer without any time is of now", []word{yes(-1, "page"), {false, consent.How{Source: "shop"}}}, false, 2},
		} {
			member := add(t, db, fmt.Sprint("member", i), person{})
			for _, w := range tt.words {
				say(t, db, member, loyalty.Offers, w.granted, w.how)
			}
			args := store.Args{"member": member}
			got := one[bool](t, db, "select granted from member_topics where member_id = @member and topic = 'offers'", args)
			fact := one[bool](t, db, "select consent_offers from facts where member_id = @member", args)
			rows := one[int64](t, db, "select count(*) from consents where member_id = @member", args)
			if got != tt.want || fact != tt.want || rows != tt.rows {
				t.Errorf("%s: standing %v, facts %v, %d rows; want %v, %v, %d", tt.name, got, fact, rows, tt.want, tt.want, tt.rows)
			}
		}
	})
}

// What stands does not depend on the order or the grouping of arrival.
func TestAnswersInOneBatchStandLikeOneByOne(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		words := []word{yes(-3, "checkout"), no(-2, "page"), yes(-5, "import"), heard(true, -1, "checkout")}
		single, batch := add(t, db, "single", person{}), add(t, db, "batch", person{})
		var together []consent.Answer
		for _, w := range words {
			say(t, db, single, loyalty.Newsletter, w.granted, w.how)
			together = append(together, consent.Answer{Member: batch, Topic: loyalty.Newsletter, Granted: w.granted, How: w.how})
		}
		update(t, db, func(tx *store.Tx) error { return consent.SetAll(tx, together) })
		for _, member := range []int64{single, batch} {
			if one[bool](t, db, "select granted from member_topics where member_id = @member", store.Args{"member": member}) {
				t.Errorf("member %d: the no does not stand", member)
			}
			if n := one[int64](t, db, "select count(*) from consents where member_id = @member", store.Args{"member": member}); n != 3 {
				t.Errorf("member %d has %d rows, want 3", member, n)
			}
		}
	})
}

func TestEvidenceIsKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		member := add(t, db, "ana", person{})
		say(t, db, member, loyalty.Offers, true, consent.How{At: hours(-1), Source: "checkout", Said: "Yes, send me 'offers' @ 9?", IP: "192.0.2.1", Send: 9})
		type row struct {
			At, RecordedAt   loyalty.Instant
			Source, Said, IP string
			SendID           int64
		}
		got := one[row](t, db, "select at, recorded_at, source, said, ip, send_id from consents where member_id = @member", store.Args{"member": member})
		want := row{hours(-1), now, "checkout", "Yes, send me 'offers' @ 9?", "192.0.2.1", 9}
		if got != want {
			t.Errorf("consent row = %+v, want %+v", got, want)
		}
		err := db.Update(context.Background(), func(tx *store.Tx) error { return consent.Set(tx, member, "cats", true, consent.How{}) })
		if !errors.Is(err, consent.ErrTopic) {
			t.Errorf("Set(cats) = %v, want ErrTopic", err)
		}
	})
}

// Many writers with answers of one member: whoever commits last, the newest stands.
func TestAnswersRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		member := add(t, db, "ana", person{})
		const writers = 16
		var wait sync.WaitGroup
		for i := range writers {
			wait.Go(func() {
				err := db.Update(context.Background(), func(tx *store.Tx) error {
					at := hours(-1 - float64((i*7)%writers))
					return consent.Set(tx, member, loyalty.Offers, (i*7)%writers != 0, consent.How{At: at, Source: fmt.Sprint(i)})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		args := store.Args{"member": member}
		if one[bool](t, db, "select granted from member_topics where member_id = @member", args) ||
			one[bool](t, db, "select consent_offers from facts where member_id = @member", args) {
			t.Error("the newest answer was no, but yes stands")
		}
		if n := one[int64](t, db, "select count(*) from consents where member_id = @member", args); n != writers {
			t.Errorf("%d answers are kept, want %d", n, writers)
		}
	})
}

func TestStandingOf(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		joined, known := add(t, db, "joined", person{}), add(t, db, "known", person{known: true})
		say(t, db, joined, loyalty.Newsletter, true, consent.How{At: hours(-1)})
		say(t, db, known, loyalty.Program, true, consent.How{At: hours(-1)})
		for _, tt := range []struct {
			name   string
			member int64
			want   []consent.Standing
		}{
			{"who joined gets the program's mails without an answer", joined, []consent.Standing{
				{Topic: "offers"}, {Topic: "newsletter", Granted: true, Answered: true, At: hours(-1)}, {Topic: "program", Granted: true}}},
			{"who has not joined does not, whatever they said", known, []consent.Standing{
				{Topic: "offers"}, {Topic: "newsletter"}, {Topic: "program", Answered: true, At: hours(-1)}}},
		} {
			update(t, db, func(tx *store.Tx) error {
				got, err := consent.StandingOf(tx, tt.member)
				if !slices.Equal(got, tt.want) {
					t.Errorf("%s: StandingOf = %+v, want %+v", tt.name, got, tt.want)
				}
				return err
			})
		}
		err := db.View(context.Background(), func(tx *store.Tx) error { _, err := consent.StandingOf(tx, 999); return err })
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("StandingOf(nobody) = %v, want ErrNotFound", err)
		}
	})
}

func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		other := queue(t, db, add(t, db, "other", person{}), letter{class: "offer", topic: "newsletter"})
		for i, tt := range []struct {
			name string
			mail letter // none: the link names no mail of the member
			want []string
		}{
			{"the topic of the mail", letter{class: "offer", topic: "newsletter"}, []string{"newsletter"}},
			{"an earned mail's topic", letter{class: "earned", topic: "program"}, []string{"program"}},
			{"everything, from a mail that needs no consent", letter{class: "service", topic: "program"}, consent.Topics()},
			{"everything, when the mail is another member's", letter{}, consent.Topics()},
		} {
			member := add(t, db, fmt.Sprint("member", i), person{})
			for _, topic := range consent.Topics() {
				say(t, db, member, topic, true, consent.How{At: hours(-1), Source: "checkout"})
			}
			send := other
			if tt.mail.class != "" {
				send = queue(t, db, member, tt.mail)
			}
			for range 2 { // one click, delivered twice
				update(t, db, func(tx *store.Tx) error {
					got, err := consent.Unsubscribe(tx, consent.Claims{Member: member, Send: send}, consent.How{Source: "one click"})
					if got.Member != member || !slices.Equal(got.Topics, tt.want) {
						t.Errorf("%s: Unsubscribe = %+v, want %v", tt.name, got, tt.want)
					}
					return err
				})
			}
			for _, topic := range consent.Topics() {
				granted := one[bool](t, db, "select granted from member_topics where member_id = @member and topic = @topic", store.Args{"member": member, "topic": topic})
				if granted == slices.Contains(tt.want, topic) {
					t.Errorf("%s: %s is granted: %v", tt.name, topic, granted)
				}
			}
			if n := one[int64](t, db, "select count(*) from consents where member_id = @member and not granted", store.Args{"member": member}); n != int64(len(tt.want)) {
				t.Errorf("%s: %d refusals are kept, want %d", tt.name, n, len(tt.want))
			}
		}
	})
}

func TestUnsubscribeWinsOverClocksThatRunAhead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		member := add(t, db, "ana", person{})
		ahead := db.At(hours(1).Time) // another replica
		say(t, ahead, member, loyalty.Offers, true, consent.How{Source: "checkout"})
		update(t, db, func(tx *store.Tx) error {
			_, err := consent.Unsubscribe(tx, consent.Claims{Member: member}, consent.How{Source: "page"})
			return err
		})
		if one[bool](t, db, "select granted from member_topics where member_id = @member and topic = 'offers'", store.Args{"member": member}) {
			t.Error("the member unsubscribed after the yes, but the yes stands")
		}
	})
}

func TestUnsubscribeFollowsAMerge(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		old, present := add(t, db, "old", person{}), add(t, db, "present", person{})
		exec(t, db, "update members set merged_into = @present where id = @old", store.Args{"old": old, "present": present})
		update(t, db, func(tx *store.Tx) error {
			got, err := consent.Unsubscribe(tx, consent.Claims{Member: old}, consent.How{Source: "page"})
			if got.Member != present {
				t.Errorf("Unsubscribe(merged member) is about member %d, want %d", got.Member, present)
			}
			return err
		})
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			_, err := consent.Unsubscribe(tx, consent.Claims{Member: 999}, consent.How{})
			return err
		})
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Unsubscribe(nobody) = %v, want ErrNotFound", err)
		}
	})
}

func TestSuppressions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ana, ben := consent.Key(pepper, "ana@example.test"), consent.Key(pepper, "ben@example.test")
		update(t, db, func(tx *store.Tx) error {
			return errors.Join(
				consent.SuppressAll(tx, [][]byte{ana, ben, ana}, consent.Imported, "old list"),
				consent.Suppress(tx, ana, consent.HardBounce, "550"),
				consent.Suppress(tx, ben, consent.ErasedWish, "page"))
		})
		update(t, db, func(tx *store.Tx) error {
			reason, source, err := consent.Suppressed(tx, ana)
			if reason != consent.Imported || source != "old list" || err != nil {
				t.Errorf("the first reason: %s by %s, %v, want import by old list", reason, source, err)
			}
			was, err := consent.Unsuppress(tx, ana)
			if !was || err != nil {
				t.Errorf("Unsuppress(ana) = %v, %v, want true", was, err)
			}
			was, err = consent.Unsuppress(tx, ana)
			if was || err != nil {
				t.Errorf("Unsuppress(ana) again = %v, %v, want false", was, err)
			}
			if _, err = consent.Unsuppress(tx, ben); !errors.Is(err, consent.ErrErased) {
				t.Errorf("Unsuppress(an erased one) = %v, want ErrErased", err)
			}
			return nil
		})
	})
}

func TestHolds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		held := func() (h consent.Holds) {
			update(t, db, func(tx *store.Tx) (err error) { h, err = consent.Held(tx); return err })
			return h
		}
		for _, tt := range []struct {
			scope    string
			campaign int64
			class    string
			stops    bool
		}{
			{consent.HoldAll, 1, loyalty.Service, true},
			{consent.HoldOffers, 1, loyalty.Offer, true},
			{consent.HoldOffers, 1, loyalty.Earned, false},
			{consent.HoldCampaign(1), 1, loyalty.Earned, true},
			{consent.HoldCampaign(1), 11, loyalty.Earned, false},
		} {
			update(t, db, func(tx *store.Tx) error { return consent.Hold(tx, tt.scope, "a typo", "anna") })
			row, stops := held().Stops(tt.campaign, tt.class, false)
			if stops != tt.stops || stops && (row.Because != "a typo" || row.ByWhom != "anna" || row.At != now) {
				t.Errorf("hold %s stops %s of campaign %d: %v %+v, want %v", tt.scope, tt.class, tt.campaign, stops, row, tt.stops)
			}
			update(t, db, func(tx *store.Tx) error {
				was, err := consent.Release(tx, tt.scope)
				if !was {
					t.Errorf("Release(%s) found no hold", tt.scope)
				}
				return err
			})
		}
		if h := held(); len(h) != 0 {
			t.Errorf("still held: %v", h)
		}
	})
}

package consent_test

import (
	"context"
	"sync"
	"testing"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// granted is what stands about offers, and what the facts say of it.
func granted(t testing.TB, db *store.DB, member int64) (standing, fact bool) {
	t.Helper()
	args := store.Args{"member": member}
	standing = one[int64](t, db, "select count(*) from member_topics where member_id = @member and topic = 'offers' and granted", args) > 0
	return standing, one[bool](t, db, "select consent_offers from facts where member_id = @member", args)
}

func wantOffers(t testing.TB, db *store.DB, name string, member int64, want bool) {
	t.Helper()
	if standing, fact := granted(t, db, member); standing != want || fact != want {
		t.Errorf("offers of %s: standing %v, facts %v, want %v", name, standing, fact, want)
	}
}

func TestARefusalCountsForTheAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		family := func(name string) int64 { return add(t, db, name, person{address: "family@example.test"}) }
		ana, ben, other := family("ana"), family("ben"), add(t, db, "other", person{})
		for _, m := range []int64{ana, ben, other} {
			say(t, db, m, loyalty.Offers, true, consent.How{At: hours(-9), Source: "list"})
			say(t, db, m, loyalty.Newsletter, true, consent.How{At: hours(-9), Source: "list"})
		}
		say(t, db, ana, loyalty.Offers, false, consent.How{Heard: hours(-3), Source: "order"})
		wantOffers(t, db, "ben, after a no of ana's whose moment nobody knows", ben, true)
		update(t, db, func(tx *store.Tx) error {
			return consent.Refuse(tx, ana, []string{loyalty.Offers}, consent.How{Source: "page"})
		})
		wantOffers(t, db, "ana", ana, false)
		wantOffers(t, db, "ben", ben, false)
		wantOffers(t, db, "another address", other, true)
		if !one[bool](t, db, "select consent_newsletter from facts where member_id = @m", store.Args{"m": ben}) {
			t.Error("ben lost the newsletter, which nobody refused")
		}

		say(t, db, ben, loyalty.Offers, true, consent.How{Heard: hours(1), Source: "order"})
		wantOffers(t, db, "ben, who said yes without a time", ben, false)

		carl := family("carl")
		say(t, db, carl, loyalty.Offers, true, consent.How{At: hours(-8), Source: "list"})
		update(t, db, func(tx *store.Tx) error { return consent.Inherit(tx, []int64{carl, other}) })
		wantOffers(t, db, "carl, who came later", carl, false)
		wantOffers(t, db, "another address, asked again", other, true)

		later := db.At(hours(2).Time)
		say(t, later, ben, loyalty.Offers, true, consent.How{At: hours(1), Source: "checkout", Said: "Send me offers"})
		wantOffers(t, db, "ben, who has said yes since", ben, true)
		update(t, later, func(tx *store.Tx) error { return consent.Inherit(tx, []int64{ben, carl}) })
		wantOffers(t, db, "ben, whose address is looked at again", ben, true)
		wantOffers(t, db, "carl, who has not", carl, false)
	})
}

// Two members of one address press their buttons at the same time: each locks the other.
func TestRefusalsOfOneAddressRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var all []int64
		for _, name := range []string{"a", "b", "c", "d"} {
			m := add(t, db, name, person{address: "family@example.test"})
			say(t, db, m, loyalty.Offers, true, consent.How{At: hours(-9), Source: "list"})
			all = append(all, m)
		}
		var wait sync.WaitGroup
		for i := range 12 {
			wait.Go(func() {
				err := db.Update(context.Background(), func(tx *store.Tx) error {
					if _, err := consent.Sharing(tx, all[i%4]); err != nil {
						return err
					}
					return consent.Refuse(tx, all[i%4], consent.Topics(), consent.How{Source: "page"})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		for _, m := range all {
			wantOffers(t, db, "one of four", m, false)
		}
	})
}

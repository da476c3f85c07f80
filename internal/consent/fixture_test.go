package consent_test

import (
	"context"
	"fmt"
	"testing"
	"time"
	_ "time/tzdata"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

var pepper = []byte("a pepper of the tests")

// now is the moment at which test databases stand.
var now = loyalty.At(storetest.Start)

func update(t testing.TB, db *store.DB, f func(tx *store.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

func exec(t testing.TB, db *store.DB, text string, args store.Args) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error {
		_, err := tx.Exec(text, args)
		return err
	})
}

// one reads a value.
func one[T any](t testing.TB, db *store.DB, text string, args store.Args) (v T) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error { return tx.One(&v, text, args) })
	return v
}

// person is a member as a test needs one; the zero value has an address and has joined.
type person struct {
	known   bool // not joined
	address string
	none    bool // no address
	zone    string
	erased  bool
}

// add makes a member with a row of facts and returns the id.
func add(t testing.TB, db *store.DB, name string, p person) int64 {
	t.Helper()
	if p.address == "" && !p.none {
		p.address = name + "@example.test"
	}
	var key []byte
	if p.address != "" {
		key = consent.Key(pepper, p.address)
	}
	var joined, erased loyalty.Instant
	if !p.known {
		joined = now
	}
	if p.erased {
		erased = now
	}
	var id int64
	update(t, db, func(tx *store.Tx) error {
		err := tx.One(&id, `
			insert into members (external_id, email, email_key, time_zone, joined_at, erased_at, created_at, changed_at)
			values (@name, @email, @key, @zone, @joined, @erased, @now, @now) returning id`,
			store.Args{"name": name, "email": p.address, "key": key, "zone": p.zone, "joined": joined, "erased": erased, "now": now})
		if err != nil {
			return err
		}
		_, err = tx.Exec(`
			insert into facts (member_id, joined, country, language, consent_offers, consent_newsletter, consent_program,
			                   orders, order_days, spent, quantity, points)
			values (@id, @joined, '', '', false, false, false, 0, 0, 0, 0, 0)`, store.Args{"id": id, "joined": !p.known})
		return err
	})
	return id
}

// letter is a send as a test needs one.
type letter struct {
	class, topic string
	state        string
	expires      loyalty.Instant
	ownAct       loyalty.Instant // not zero: with a passage
}

// queue makes a send in an occurrence of its own and returns the id.
func queue(t testing.TB, db *store.DB, member int64, l letter) int64 {
	t.Helper()
	if l.state == "" {
		l.state = "queued"
	}
	var id int64
	update(t, db, func(tx *store.Tx) error {
		var occurrence int64
		var n int64
		if err := tx.One(&n, "select count(*) from occurrences", nil); err != nil {
			return err
		}
		if err := tx.One(&occurrence, `insert into occurrences (campaign_id, key, day, at, decision) values (7, @key, 1, @now, 'started') returning id`,
			store.Args{"key": fmt.Sprint(n), "now": now}); err != nil {
			return err
		}
		args := store.Args{"occurrence": occurrence, "member": member, "class": l.class, "topic": l.topic,
			"state": l.state, "now": now, "expires": l.expires, "act": l.ownAct}
		if !l.ownAct.IsZero() {
			if _, err := tx.Exec(`
				insert into passages (campaign_id, occurrence_id, member_id, version_id, day, started_at, own_act_at, state, base_at)
				values (7, @occurrence, @member, 1, 1, @now, @act, 'sending', @now)`, args); err != nil {
				return err
			}
		}
		return tx.One(&id, `
			insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at, expires_at)
			values (1, @occurrence, 'mail', @member, 7, 1, @class, @topic, @state, @now, @expires) returning id`, args)
	})
	return id
}

// say records an answer.
func say(t testing.TB, db *store.DB, member int64, topic string, granted bool, how consent.How) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error { return consent.Set(tx, member, topic, granted, how) })
}

// hours returns the moment so many hours after now.
func hours(n float64) loyalty.Instant { return now.Plus(time.Duration(n * float64(time.Hour))) }

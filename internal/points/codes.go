package points

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/store"
)

// HandCode is a code that a person gives a member.
type HandCode struct {
	Member  int64
	Pool    string
	Because string
	Key     string // of idempotency; the same key gives once
	By      string
}

// byHandSource is whose keys those of HandCode are.
const byHandSource = "code by hand"

// GiveCode gives a member a code of a pool that is good at once, and reports whether it
// did so now and not before, by the same key. A *Refused says why it gives none; ErrKey
// says that the key was used for something else.
func GiveCode(tx *store.Tx, h HandCode) (c coupon.Code, now bool, err error) {
	if strings.TrimSpace(h.Because) == "" {
		return c, false, &Wrong{"because", "say why the member gets the code"}
	}
	err = tx.One(&h.Member, "select id from members where id = @id and erased_at is null and merged_into is null "+tx.ForUpdate(), store.Args{"id": h.Member})
	if err != nil {
		return c, false, err
	}
	pool, err := coupon.Find(tx, h.Pool)
	if err != nil {
		return c, false, err
	}
	if pool.Kind == coupon.Shared {
		return c, false, &Refused{NoReward, fmt.Sprintf("the one code of %s is everybody's: tell it to them", h.Pool)}
	}
	id, before, err := h.claim(tx)
	switch {
	case err != nil:
		return c, false, err
	case before != 0:
		c, err = oneCode(tx, before)
		return c, false, err
	}
	today, err := tx.Today()
	if err != nil {
		return c, false, err
	}
	to := coupon.To{Occurrence: -id, Member: h.Member}
	given, err := coupon.GiveNow(tx, h.Pool, []coupon.To{to}, today, rand.Reader)
	if err != nil {
		return c, false, err
	}
	if given[to] == 0 {
		return c, false, &Refused{SoldOut, fmt.Sprintf("pool %s has no code left to give: it is used up, over, or at its budget", h.Pool)}
	}
	if _, err := tx.Exec("update claims set code_id = @code where id = @id", store.Args{"id": id, "code": given[to]}); err != nil {
		return c, false, err
	}
	c, err = oneCode(tx, given[to])
	return c, true, err
}

// claim makes the row by which a code that was given by hand is known, or returns the
// code that was given by the same key before.
func (h HandCode) claim(tx *store.Tx) (id, before int64, err error) {
	body := sha256.Sum256(fmt.Appendf(nil, "%d %s", h.Member, h.Pool))
	args := store.Args{"member": h.Member, "pool": h.Pool, "source": byHandSource, "key": h.Key, "body": body[:], "because": h.Because, "by": h.By, "now": tx.At}
	var found []Claim
	if err := tx.All(&found, "select "+claimColumns+" from claims where source = @source and key = @key", args); err != nil {
		return 0, 0, err
	}
	switch {
	case len(found) > 0 && bytes.Equal(found[0].Body, body[:]):
		return 0, found[0].CodeID, nil
	case len(found) > 0:
		return 0, 0, ErrKey
	}
	today, err := tx.Today()
	if err != nil {
		return 0, 0, err
	}
	args["today"] = int64(today)
	err = tx.One(&id, `
		insert into claims (member_id, reward, price, state, source, key, body, at, day, reason, by_whom)
		values (@member, @pool, 0, 'done', @source, @key, @body, @now, @today, @because, @by)
		on conflict (source, key) do nothing
		returning id`, args)
	if errors.Is(err, store.ErrNotFound) { // somebody used it for another member in this moment
		return 0, 0, ErrKey
	}
	return id, 0, err
}

func oneCode(tx *store.Tx, id int64) (coupon.Code, error) {
	codes, err := coupon.Load(tx, []int64{id})
	return codes[id], err
}

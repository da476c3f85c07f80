package points

import (
	"errors"
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// ErrNone says that the program in force keeps no points.
var ErrNone = errors.New("the program in force keeps no points: it has no points in loyalty.yaml")

// ErrNoReferral says the same of bringing friends.
var ErrNoReferral = errors.New("the program in force rewards nobody for a friend: loyalty.yaml says nothing under referral")

// ErrKey says that a key of idempotency was used for something else.
var ErrKey = errors.New("this key was used for another booking")

// Wrong is what is wrong with what a person wants to book: a field of Hand in the words
// of the API, and why.
type Wrong struct{ Field, Words string }

func (e *Wrong) Error() string { return e.Words }

// Hand is what a person books.
type Hand struct {
	Member  int64
	N       int64 // below 0: taken
	Because string
	Key     string      // of idempotency; "": none
	LastDay loyalty.Day // 0: by the program
	By      string
}

// ByHand gives a member points or takes some, which may leave a debt, and reports
// whether that was booked now: with a key that came before it was booked then. The
// member is locked.
func (r *Rules) ByHand(tx *store.Tx, h Hand) (bool, error) {
	today := r.today(tx)
	era := r.now()
	switch {
	case h.N == 0 || h.N > loyalty.Most || h.N < -loyalty.Most:
		return false, &Wrong{"delta", fmt.Sprintf("%d is no number of points to book: give a whole number from 1 to %d", h.N, loyalty.Most)}
	case strings.TrimSpace(h.Because) == "":
		return false, &Wrong{"reason", "say why: what is booked by hand keeps its reason"}
	case h.LastDay != 0 && h.LastDay < today:
		return false, &Wrong{"last_day", fmt.Sprintf("the last day %s is over: today is %s", h.LastDay, today)}
	}
	e := Entry{MemberID: h.Member, Wallet: Wallet, At: tx.At, Day: today, Kind: adjust, Amount: h.N, VersionID: era.Version, Reason: h.Because, ByWhom: h.By}
	if h.Key != "" {
		e.Cause = "key:" + h.Key
		var was []struct{ MemberID, Amount int64 }
		if err := tx.All(&was, "select member_id, amount from entries where cause = @cause and kind = '"+adjust+"' and wallet = '"+Wallet+"' limit 1", store.Args{"cause": e.Cause}); err != nil {
			return false, err
		}
		if len(was) > 0 && (was[0].MemberID != h.Member || was[0].Amount != h.N) {
			return false, ErrKey
		}
		if len(was) > 0 {
			return false, nil
		}
	} else {
		var err error
		if e.Cause, err = nextByHand(tx, walletKey{h.Member, Wallet}); err != nil {
			return false, err
		}
	}
	if h.N > 0 {
		rates, err := era.points()
		if err != nil {
			return false, err
		}
		e.opens(today, rates.Expire)
		if h.LastDay != 0 {
			e.LastDay = &h.LastDay
		}
	}
	_, err := r.add(tx, []Entry{e})
	return err == nil, err
}

// nextByHand is the cause of the next booking without a key.
func nextByHand(tx *store.Tx, key walletKey) (string, error) {
	var n int64
	err := tx.One(&n, "select count(*) from entries where member_id = @member and wallet = @wallet and cause like 'hand:%'", store.Args{"member": key.member, "wallet": key.wallet})
	return fmt.Sprintf("hand:%d", n+1), err
}

// Brought is a member's points from elsewhere, as a row of a file.
type Brought struct {
	Member  int64
	N       int64
	LastDay loyalty.Day // 0: by the program
}

// Import gives members the points that they bring, once in a lifetime each, and returns
// who had some already. The members are locked.
func (r *Rules) Import(tx *store.Tx, list []Brought, by string) (again map[int64]bool, err error) {
	era, today := r.now(), r.today(tx)
	rates, err := era.points()
	if err != nil {
		return nil, err
	}
	again = map[int64]bool{}
	var entries []Entry
	for _, b := range list {
		e := Entry{MemberID: b.Member, Wallet: Wallet, At: tx.At, Day: today, Kind: adjust, Amount: b.N, Cause: "import", VersionID: era.Version, Reason: "brought from elsewhere", ByWhom: by}
		e.opens(today, rates.Expire)
		if b.LastDay != 0 {
			last := b.LastDay
			e.LastDay = &last
		}
		entries, again[b.Member] = append(entries, e), true
	}
	fresh, err := r.add(tx, entries)
	for _, e := range fresh {
		delete(again, e.MemberID)
	}
	return again, err
}

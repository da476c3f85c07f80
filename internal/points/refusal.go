package points

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// inOneHousehold is why a friend is none who lives with whoever brought them.
const inOneHousehold = "household"

// doubt is why a friend is none whom the referrer is rewarded for, "" for no reason.
func (r *Rules) doubt(tx *store.Tx, f *program.Referral, in Introduced) (string, error) {
	if in.Friend == in.Referrer {
		return "self", nil
	}
	two, err := pairOf(tx, in.Friend, in.Referrer)
	if err != nil || len(two) != 2 {
		return "", err
	}
	mail, phone := mailbox(two[0].Email), loyalty.FoldPhone(two[0].Phone)
	if mail != "" && mail == mailbox(two[1].Email) || phone != "" && phone == loyalty.FoldPhone(two[1].Phone) {
		return "self", nil
	}
	if oneHousehold(f.AlsoRefuse, two[0].Attributes, two[1].Attributes) {
		return inOneHousehold, nil
	}
	known, err := orderedBefore(tx, in.Friend)
	if err != nil || known || !in.Joins {
		return "known", err
	}
	full, err := r.full(tx, f, in.Referrer)
	if err != nil || full {
		return "limit", err
	}
	return "", nil
}

// full reports whether a member has brought as many friends as are rewarded.
func (r *Rules) full(tx *store.Tx, f *program.Referral, referrer int64) (bool, error) {
	l := f.AtMost
	if l.Per == (loyalty.Period{}) {
		return false, nil
	}
	var n int64
	err := tx.One(&n, "select count(*) from referrals where referrer_id = @referrer and state in ('pending', 'rewarded') and day > @after",
		store.Args{"referrer": referrer, "after": int64(l.Per.Before(r.today(tx)))})
	return n >= l.N, err
}

// known is what is compared of a friend and of whoever brought them.
type known struct {
	ID                       int64
	Email, Phone, Attributes string
}

func pairOf(tx *store.Tx, friend, referrer int64) (two []known, err error) {
	return two, tx.All(&two, "select id, email, phone, cast(attributes as text) as attributes from members where id in (@friend, @referrer)",
		store.Args{"friend": friend, "referrer": referrer})
}

// oneHousehold reports whether two members are the same in all of some attributes, by
// which the program tells who lives together. What nobody said of one of them tells
// nothing. Letters and digits count, however they are written.
func oneHousehold(attributes []string, one, other string) bool {
	var a, b map[string]any
	if len(attributes) == 0 || json.Unmarshal([]byte(one), &a) != nil || json.Unmarshal([]byte(other), &b) != nil {
		return false
	}
	for _, name := range attributes {
		if place := written(a[name]); place == "" || place != written(b[name]) {
			return false
		}
	}
	return true
}

func written(v any) string {
	if v == nil {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, fmt.Sprint(v))
}

// orderedBefore reports whether a member bought something before they joined.
func orderedBefore(tx *store.Tx, member int64) (known bool, err error) {
	err = tx.One(&known, "select count(*) > 0 from orders o join members m on m.id = o.member_id where m.id = @member and o.status = 'paid' and o.at < m.joined_at",
		store.Args{"member": member})
	return known, err
}

// mailbox is an address as far as letters to it come to the same box: without what
// follows a plus, and of Google's without dots.
func mailbox(address string) string {
	name, host, _ := strings.Cut(strings.ToLower(strings.TrimSpace(address)), "@")
	name, _, _ = strings.Cut(name, "+")
	if host == "googlemail.com" {
		host = "gmail.com"
	}
	if host == "gmail.com" {
		name = strings.ReplaceAll(name, ".", "")
	}
	if name == "" || host == "" {
		return ""
	}
	return name + "@" + host
}

// lateDoubt is what came to be known of a referral only after the friend had joined: an
// order of before, or that both live in one household. "": nothing.
func (r *Rules) lateDoubt(tx *store.Tx, f *program.Referral, ref Referral) (string, error) {
	if known, err := orderedBefore(tx, ref.FriendID); err != nil || known {
		return "known", err
	}
	if len(f.AlsoRefuse) == 0 {
		return "", nil
	}
	two, err := pairOf(tx, ref.FriendID, ref.ReferrerID)
	if err != nil || len(two) != 2 || !oneHousehold(f.AlsoRefuse, two[0].Attributes, two[1].Attributes) {
		return "", err
	}
	return inOneHousehold, nil
}

package coupon

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// A referral code is by what a friend names whoever brought them. It is a member's for
// life, and derived as other codes are: what is printed on a card is still good after a
// restore. It stands among the keys of members in the form in which codes are compared.
// Who was made one with others has the codes of all of them.

// referralPattern is how a referral code is written: 40 bits, short enough to be said.
const referralPattern = loyalty.CodePattern("####-####")

// ReferralKey is the kind of a referral code among the keys of members.
const ReferralKey = "referral"

// mostReferralTries is how often a code is derived anew that is another member's.
const mostReferralTries = 5

// ReferralCodes returns the referral codes of members as they are written, and makes
// those that are not there yet. Husks have none.
func ReferralCodes(tx *store.Tx, members []int64, random io.Reader) (map[int64]string, error) {
	if len(members) == 0 {
		return nil, nil
	}
	codes, err := KnownReferralCodes(tx, members)
	for try := 0; err == nil && len(codes) < len(members); try++ {
		var made int
		if made, err = makeReferralCodes(tx, members, try, random); err != nil || made == 0 {
			break
		}
		if try == mostReferralTries {
			err = errors.New("the referral codes of other members are in the way")
			break
		}
		codes, err = KnownReferralCodes(tx, members)
	}
	if err != nil {
		return nil, fmt.Errorf("referral codes of %d members: %w", len(members), err)
	}
	return codes, nil
}

// KnownReferralCodes returns the codes that are there already.
func KnownReferralCodes(tx *store.Tx, members []int64) (map[int64]string, error) {
	var rows []struct {
		MemberID int64
		Code     string
	}
	err := tx.All(&rows, `
		select member_id, min(value) as code from member_keys
		where  kind = '`+ReferralKey+`' and member_id in (select value from `+tx.JSONEach("@ids")+`)
		group  by member_id`, store.Args{"ids": store.IDs(members)})
	codes := make(map[int64]string, len(rows))
	for _, row := range rows {
		codes[row.MemberID] = row.Code[:4] + "-" + row.Code[4:]
	}
	return codes, err
}

// makeReferralCodes makes codes for those of the members who have none, and returns for
// how many it tried.
func makeReferralCodes(tx *store.Tx, members []int64, try int, random io.Reader) (int, error) {
	var lacking []int64
	err := tx.All(&lacking, `
		select m.id from members m
		where  m.id in (select value from `+tx.JSONEach("@ids")+`) and m.merged_into is null and m.erased_at is null
		and    not exists (select 1 from member_keys k where k.kind = '`+ReferralKey+`' and k.member_id = m.id)`,
		store.Args{"ids": store.IDs(members)})
	if err != nil || len(lacking) == 0 {
		return 0, err
	}
	d, err := deriving(tx, random)
	if err != nil {
		return 0, err
	}
	names, err := memberNames(tx, lacking)
	if err != nil {
		return 0, err
	}
	rows := make([][]any, len(lacking))
	for i, id := range lacking {
		name := strings.Join([]string{ReferralKey, names[id], strconv.Itoa(try)}, "\x00")
		d.about(name)
		code, err := referralPattern.Expand(d)
		if err != nil {
			return 0, err
		}
		rows[i] = []any{loyalty.FoldCode(code), id}
	}
	_, err = tx.Exec(`
		insert into member_keys (kind, value, member_id)
		select '`+ReferralKey+`', r.value, r.member_id
		from   `+tx.Values("value text", "member_id bigint")+`
		where  true
		order  by r.value
		on conflict do nothing`, store.Args{"rows": store.Rows(rows)})
	return len(lacking), err
}

// Referrers finds members by their referral codes, however these are written: each code
// with whose it is, none where it is nobody's.
func Referrers(tx *store.Tx, codes []string) (map[string]int64, error) {
	var rows [][]any
	for _, code := range codes {
		if folded := loyalty.FoldCode(code); len(folded) == referralPattern.Bits()/5 {
			rows = append(rows, []any{code, folded})
		}
	}
	found := map[string]int64{}
	if rows == nil {
		return found, nil
	}
	var all []struct {
		Code string
		ID   int64
	}
	err := tx.All(&all, `
		select r.code, m.id
		from   `+tx.Values("code text", "folded text")+`
		join   member_keys k on k.kind = '`+ReferralKey+`' and k.value = r.folded
		join   members m on m.id = k.member_id and m.merged_into is null and m.erased_at is null`, store.Args{"rows": store.Rows(rows)})
	if err != nil {
		return nil, fmt.Errorf("whose %d referral codes are: %w", len(rows), err)
	}
	for _, row := range all {
		found[row.Code] = row.ID
	}
	return found, nil
}

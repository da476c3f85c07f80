package coupon

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// A code that is made for somebody is not drawn but derived: from the pool, from
// what it is given for and from whom it is for, by names that the shop gave and not
// by numbers of rows. When a database goes back to an older copy and the same mail is
// made again, it shows the code that the member has already, and no second one is
// good. The key is a secret of the installation, so that nobody else can tell codes.

// settingCodes is the setting that holds the secret from which codes are derived.
const settingCodes = "code_secret"

// derived returns the codes of people in their occurrences. try counts from 0: where a
// code is somebody else's already, the next one is as certain as the first.
func (p Pool) derived(tx *store.Tx, people []To, try int, random io.Reader) ([]row, error) {
	names, err := namesOf(tx, p.Name, people)
	if err != nil {
		return nil, err
	}
	d, err := deriving(tx, random)
	if err != nil {
		return nil, err
	}
	return p.derivedBy(d, people, make([]int64, len(people)), names, try)
}

// derivedBy is derived for people whose names are at hand, and the ids of their codes.
func (p Pool) derivedBy(d *stream, people []To, ids []int64, names []string, try int) ([]row, error) {
	rows, suffix := make([]row, len(people)), "\x00"+strconv.Itoa(try)
	for i, who := range people {
		d.about(names[i] + suffix)
		code, err := loyalty.CodePattern(p.Pattern).Expand(d)
		if err != nil {
			return nil, err
		}
		rows[i] = row{ids[i], code, loyalty.FoldCode(code), who}
	}
	return rows, nil
}

// namesOf returns what the codes of people in their occurrences are known by outside
// the database.
func namesOf(tx *store.Tx, pool string, people []To) ([]string, error) {
	what, err := occurrenceNames(tx, people)
	if err != nil {
		return nil, err
	}
	whom, err := memberNames(tx, distinct(people, func(w To) int64 { return w.Member }))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(people))
	for i, who := range people {
		names[i] = nameOf(pool, what[who.Occurrence], whom[who.Member])
	}
	return names, nil
}

// nameOf is what a code is known by outside the database.
func nameOf(pool, what, whom string) string { return pool + "\x00" + what + "\x00" + whom }

// occurrenceNames returns what occurrences are known by outside the database: the
// campaign and its date, milestone or launch, or the event as its sender named it.
func occurrenceNames(tx *store.Tx, people []To) (map[int64]string, error) {
	var rows []struct {
		ID            int64
		Campaign, Key string
	}
	ids := distinct(people, func(w To) int64 { return w.Occurrence })
	err := tx.All(&rows, `
		select o.id, c.name as campaign, o.key
		from   occurrences o join campaigns c on c.id = o.campaign_id
		where  o.id in (select value from `+tx.JSONEach("@ids")+`)`, store.Args{"ids": store.JSON(ids)})
	if err != nil {
		return nil, fmt.Errorf("the occurrences that %d codes are for: %w", len(people), err)
	}
	events := map[int64]string{}
	for _, r := range rows {
		if id, ok := eventOf(r.Key); ok {
			events[id] = ""
		}
	}
	if err := eventNames(tx, events); err != nil {
		return nil, err
	}
	names := make(map[int64]string, len(rows))
	for _, r := range rows {
		key := r.Key
		if id, ok := eventOf(key); ok && events[id] != "" {
			key = events[id]
		}
		names[r.ID] = r.Campaign + "\x00" + key
	}
	return names, claimNames(tx, ids, names)
}

// claimNames fills in what claims are known by outside the database, which are the
// occurrences below 0.
func claimNames(tx *store.Tx, ids []int64, names map[int64]string) error {
	var claims []int64
	for _, id := range ids {
		if names[id] == "" {
			names[id] = strconv.FormatInt(id, 10) // of no campaign
		}
		if id < 0 {
			claims = append(claims, -id)
		}
	}
	if claims == nil {
		return nil
	}
	var rows []struct {
		ID           int64
		Source, Name string
	}
	// A till's claim is known by its key. That of a full card or of a referral has
	// the number of a row: its name and how often it was given are what stays.
	err := tx.All(&rows, `
		select c.id, c.source,
		       case when c.source not in ('card', 'referral') then c.key
		            else c.reward || ' ' || (select count(*) from `+tx.RowsBy("claims", "member_id = c.member_id")+` b where b.reward = c.reward and b.source = c.source and b.id <= c.id) end as name
		from   claims c
		where  c.id in (select value from `+tx.JSONEach("@ids")+`)`, store.Args{"ids": store.JSON(claims)})
	if err != nil {
		return fmt.Errorf("the claims that %d codes are for: %w", len(claims), err)
	}
	for _, r := range rows {
		names[-r.ID] = claimName(r.Source, r.Name)
	}
	return nil
}

// claimName is what a claim is known by outside the database.
func claimName(source, name string) string { return "claim\x00" + source + "\x00" + name }

// eventOf returns the event of an occurrence that one event made.
func eventOf(key string) (int64, bool) {
	text, ok := strings.CutPrefix(key, "event:")
	id, err := strconv.ParseInt(text, 10, 64)
	return id, ok && err == nil
}

// eventNames fills in what the senders of events call them.
func eventNames(tx *store.Tx, events map[int64]string) error {
	if len(events) == 0 {
		return nil
	}
	ids := make([]int64, 0, len(events))
	for id := range events {
		ids = append(ids, id)
	}
	var rows []struct {
		ID   int64
		Name string
	}
	err := tx.All(&rows, "select id, 'event:' || source || ':' || external_id as name from events where id in (select value from "+tx.JSONEach("@ids")+")",
		store.Args{"ids": store.JSON(ids)})
	if err != nil {
		return fmt.Errorf("the events that %d codes are for: %w", len(events), err)
	}
	for _, r := range rows {
		events[r.ID] = r.Name
	}
	return nil
}

// memberNames returns what members are known by outside the database: the shop's id,
// or the hash of their address while we made up the id.
func memberNames(tx *store.Tx, members []int64) (map[int64]string, error) {
	names := make(map[int64]string, len(members))
	which, args := "id in "+tx.In("@ids"), store.Args{"ids": store.IDs(members)}
	if n := len(members); n > 1 && slices.IsSorted(members) && members[n-1]-members[0] < 2*int64(n) { // most of those between: they lie side by side
		which, args = "id between @first and @last", store.Args{"first": members[0], "last": members[n-1]}
	}
	err := tx.Each("select id, external_id, named, case when not named then email_key end from members where "+which, args,
		func(scan func(into ...any) error) error {
			var id int64
			var name string
			var named bool
			var key []byte
			err := scan(&id, &name, &named, &key)
			names[id] = memberName(name, named, key)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("the %d members that codes are for: %w", len(members), err)
	}
	return names, nil
}

// memberName is what a member is known by outside the database.
func memberName(externalID string, named bool, emailKey []byte) string {
	if !named && len(emailKey) > 0 {
		return "\x00" + hex.EncodeToString(emailKey)
	}
	return externalID
}

func distinct(people []To, of func(To) int64) (ids []int64) {
	seen := make(map[int64]bool, len(people))
	for _, who := range people {
		if id := of(who); !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// stream is randomness that a secret and a name determine.
type stream struct {
	mac  hash.Hash // keyed by the secret
	name string
	n    uint64
	sum  [sha256.Size]byte
	left []byte // of sum
}

// deriving returns the stream of the installation's secret.
func deriving(tx *store.Tx, random io.Reader) (*stream, error) {
	secret, err := tx.Secret(settingCodes, random)
	if err != nil {
		return nil, err
	}
	return derivingBy(secret), nil
}

func derivingBy(secret []byte) *stream { return &stream{mac: hmac.New(sha256.New, secret)} }

// about begins the randomness of a name.
func (s *stream) about(name string) { s.name, s.n, s.left = name, 0, nil }

// Read implements io.Reader.
func (s *stream) Read(b []byte) (int, error) {
	for done := 0; done < len(b); {
		if len(s.left) == 0 {
			s.mac.Reset()
			s.mac.Write(binary.BigEndian.AppendUint64(s.sum[:0], s.n))
			io.WriteString(s.mac, s.name)
			s.left, s.n = s.mac.Sum(s.sum[:0]), s.n+1
		}
		n := copy(b[done:], s.left)
		s.left, done = s.left[n:], done+n
	}
	return len(b), nil
}

package consent

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Candidate is a send and what the gate needs to know about it and its member.
type Candidate struct {
	Send       int64
	Member     int64
	Campaign   int64
	Occurrence int64
	Version    int64
	Run        int64 // 0: single grain
	Code       int64 // 0: none
	Step       string
	Class      string
	Topic      string
	QueuedAt   loyalty.Instant
	ExpiresAt  loyalty.Instant // none: never late

	Email      string // none: ""
	EmailKey   []byte
	Joined     bool
	Erased     bool
	Merged     bool
	Answered   bool // whether the member ever said yes or no to the topic
	Granted    bool
	Suppressed bool
	Zone       string                              // IANA; "": the shop's
	Recent     [loyalty.MostCapped]loyalty.Instant // offers mailed, newest first
	OwnActAt   loyalty.Instant                     // the member's act that caused it
}

// Ledger is what a caller reads of the same sends besides, in the same statement.
type Ledger struct {
	Columns string               // of s (sends), m (members), p (the passage that a send is of) and its joins
	Joins   string               // by which further tables come in
	Into    func(to []any) []any // appends where the columns of the next send go
	Next    func() *Candidate    // where Load puts the next send; nil: into what it returns
}

// Load returns the candidates of those sends, by id, all of them in one statement.
// Sends that are not there are left out.
func Load(tx *store.Tx, sends []int64, more Ledger) (all []Candidate, err error) {
	next := more.Next
	if next == nil {
		all = make([]Candidate, 0, len(sends))
		next = func() *Candidate { all = append(all, Candidate{}); return &all[len(all)-1] }
	}
	err = look(tx, sends, changing+", "+lasting, more, func(to []any) []any {
		c := next()
		return append(c.changing(to), &c.Campaign, &c.Occurrence, &c.Version, &c.Run, &c.Code, &c.Step, &c.Class, &c.Topic, &c.QueuedAt, &c.OwnActAt)
	})
	return all, err
}

// Reload looks at candidates once more, which are in the order of their ids: it reads what
// may have become of them and their members since, and nothing else. store.ErrNotFound
// says that one is gone.
func Reload(tx *store.Tx, candidates []*Candidate, more Ledger) error {
	ids := make([]int64, len(candidates))
	for i, c := range candidates {
		ids[i] = c.Send
	}
	n := 0
	err := look(tx, ids, changing, more, func(to []any) []any { n++; return candidates[n-1].changing(to) })
	if err == nil && n < len(ids) {
		err = fmt.Errorf("%d of %d sends are gone from the ledger: %w", len(ids)-n, len(ids), store.ErrNotFound)
	}
	return err
}

// What the gate asks: what may change between two looks, and what is the same for good.
var changing = "s.id, s.member_id, s.expires_at, m.email, m.email_key, m.joined_at is not null, m.erased_at is not null, m.merged_into is not null, m.time_zone, " +
	"t.granted is not null, coalesce(t.granted, false), x.email_key is not null, " + recent("r.at%d")

const lasting = "s.campaign_id, s.occurrence_id, s.version_id, coalesce(s.run_id, 0), coalesce(s.code_id, 0), s.step, s.class, s.topic, s.queued_at, p.own_act_at"

// recent lists the columns of recent mails.
func recent(form string) string {
	var columns []string
	for k := 1; k <= loyalty.MostCapped; k++ {
		columns = append(columns, fmt.Sprintf(form, k))
	}
	return strings.Join(columns, ", ")
}

// changing appends where the columns of that name go.
func (c *Candidate) changing(to []any) []any {
	to = append(to, &c.Send, &c.Member, &c.ExpiresAt, &c.Email, &c.EmailKey, &c.Joined, &c.Erased, &c.Merged, &c.Zone,
		&c.Answered, &c.Granted, &c.Suppressed)
	for i := range c.Recent {
		to = append(to, &c.Recent[i])
	}
	return to
}

// look reads columns of sends by id. It begins with the ids and ends with the caller's
// joins: of so many tables Postgres keeps that order, and would else read the whole
// ledger first.
func look(tx *store.Tx, ids []int64, columns string, more Ledger, into func(to []any) []any) error {
	if more.Columns != "" {
		columns += ", " + more.Columns
	}
	var where []any
	err := tx.Each(`
		select `+columns+`
		from   `+tx.JSONEach("@ids")+`
		join   sends s              on s.id = ids.value
		join   members m            on m.id = s.member_id
		left   join member_topics t on t.member_id = s.member_id and t.topic = s.topic
		left   join suppressions x  on x.email_key = m.email_key
		left   join recent_mails r  on r.member_id = s.member_id
		left   join passages p      on p.occurrence_id = s.occurrence_id and p.member_id = s.member_id
		`+more.Joins+`
		order  by s.id`, store.Args{"ids": store.JSON(ids)}, func(scan func(into ...any) error) error {
		where = into(where[:0])
		if more.Into != nil {
			where = more.Into(where)
		}
		return scan(where...)
	})
	if err != nil {
		return fmt.Errorf("loading %d sends: %w", len(ids), err)
	}
	return nil
}

// Zones looks up time zones by name and remembers them. It is safe for
// concurrent use.
type Zones struct {
	shop  *time.Location
	known sync.Map // name → *time.Location
}

// NewZones returns zones in which a member without one has the shop's.
func NewZones(shop *time.Location) *Zones { return &Zones{shop: shop} }

// Of returns a member's zone: the shop's when the name is empty or unknown.
func (z *Zones) Of(name string) *time.Location {
	if name == "" || name == "Local" {
		return z.shop
	}
	if l, ok := z.known.Load(name); ok {
		return l.(*time.Location)
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return z.shop
	}
	z.known.Store(name, l)
	return l
}

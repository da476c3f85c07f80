package consent

import (
	"fmt"
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

// Load returns the candidates of those sends, by id. Sends that are not there
// are left out.
func Load(tx *store.Tx, sends []int64) ([]Candidate, error) {
	rows, err := tx.Query(`
		select s.id, s.member_id, s.campaign_id, s.occurrence_id, s.version_id, coalesce(s.run_id, 0), coalesce(s.code_id, 0),
		       s.step, s.class, s.topic, s.queued_at, s.expires_at,
		       m.email, m.email_key, m.joined_at is not null, m.erased_at is not null, m.merged_into is not null, m.time_zone,
		       t.granted is not null, coalesce(t.granted, false), x.email_key is not null, p.own_act_at,
		       r.at1, r.at2, r.at3, r.at4, r.at5, r.at6, r.at7, r.at8, r.at9, r.at10
		from   sends s
		join   members m            on m.id = s.member_id
		left   join member_topics t on t.member_id = s.member_id and t.topic = s.topic
		left   join suppressions x  on x.email_key = m.email_key
		left   join recent_mails r  on r.member_id = s.member_id
		left   join passages p      on p.occurrence_id = s.occurrence_id and p.member_id = s.member_id
		where  s.id in (select value from `+tx.JSONEach("@ids")+`)
		order  by s.id`, store.Args{"ids": store.JSON(sends)})
	if err != nil {
		return nil, fmt.Errorf("loading %d sends for the gate: %w", len(sends), err)
	}
	defer rows.Close()
	all := make([]Candidate, 0, len(sends))
	var into []any
	for rows.Next() {
		all = append(all, Candidate{})
		c := &all[len(all)-1]
		into = append(into[:0], &c.Send, &c.Member, &c.Campaign, &c.Occurrence, &c.Version, &c.Run, &c.Code,
			&c.Step, &c.Class, &c.Topic, &c.QueuedAt, &c.ExpiresAt,
			&c.Email, &c.EmailKey, &c.Joined, &c.Erased, &c.Merged, &c.Zone,
			&c.Answered, &c.Granted, &c.Suppressed, &c.OwnActAt)
		for i := range c.Recent {
			into = append(into, &c.Recent[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("loading a send for the gate: %w", err)
		}
	}
	return all, rows.Err()
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

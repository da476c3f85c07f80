package report

import (
	"encoding/json"
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Moment is one thing in a member's timeline.
type Moment struct {
	At     loyalty.Instant `json:"at"`
	Kind   string          `json:"kind"` // order | mail | open | click | code | points | tier | consent
	What   string          `json:"what"` // the order's number, the campaign and mail, the code, the topic …
	State  string          `json:"state"`
	Detail string          `json:"detail,omitempty"` // why, or where a link led
	Amount int64           `json:"amount,omitempty"` // money in minor units, or points
}

// Timeline returns what happened to a member, the newest first: orders, mails, what they
// opened and clicked, codes used, points, tiers and answers about consent.
func Timeline(tx *store.Tx, member int64, limit int) (all []Moment, err error) {
	err = tx.All(&all, `
		select at, kind, what, state, detail, amount
		from (
			select o.at, 'order' as kind, o.external_id as what, o.status as state, o.shop as detail, o.total - o.refunded as amount
			from   orders o where o.member_id = @member
			union all
			select coalesce(s.handed_at, s.done_at, s.queued_at), 'mail', c.name || ' / ' || s.step, s.state, s.reason, 0
			from   sends s join campaigns c on c.id = s.campaign_id where s.member_id = @member
			union all
			select t.at, t.kind, c.name, case when t.person then 'person' else 'machine' end, t.link, 0
			from   touches t join campaigns c on c.id = t.campaign_id where t.member_id = @member
			union all
			select r.at, 'code', k.code, case when r.undone then 'undone' else 'redeemed' end, p.name, r.discount
			from   redemptions r join codes k on k.id = r.code_id join pools p on p.id = r.pool_id where r.member_id = @member
			union all
			select e.at, 'points', case when e.wallet = 'points' then '' else e.wallet end, e.kind, e.reason, e.amount
			from   entries e where e.member_id = @member
			union all
			select t.since_at, 'tier', t.tier, 'reached', t.because, 0
			from   member_tiers t where t.member_id = @member
			union all
			select c.at, 'consent', c.topic, case when c.granted then 'yes' else 'no' end, c.source, 0
			from   consents c where c.member_id = @member
		) t
		order  by at desc, kind, what
		limit  @limit`, store.Args{"member": member, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("the timeline of member %d: %w", member, err)
	}
	return all, nil
}

// ConsentAnswer is what a member said about a topic: yes or no, when, and how we know.
type ConsentAnswer struct {
	Topic      string          `json:"topic"`
	Granted    bool            `json:"granted"`
	At         loyalty.Instant `json:"at"`
	RecordedAt loyalty.Instant `json:"recorded_at"`
	Source     string          `json:"source"`         // checkout, import, who of the shop …
	Said       string          `json:"said,omitempty"` // the text that was agreed to
	Mail       string          `json:"mail,omitempty"` // the campaign and the mail whose link was used
}

// ConsentAnswers returns what a member said about topics, the newest first, at most so many.
func ConsentAnswers(tx *store.Tx, member int64, limit int) (all []ConsentAnswer, err error) {
	err = tx.All(&all, `
		select a.topic, a.granted, a.at, a.recorded_at, a.source, a.said, coalesce(c.name || ' / ' || s.step, '') as mail
		from   consents a
		left   join sends s on s.id = a.send_id
		left   join campaigns c on c.id = s.campaign_id
		where  a.member_id = @member
		order  by a.at desc, a.id desc
		limit  @limit`, store.Args{"member": member, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("what member %d agreed to: %w", member, err)
	}
	return all, nil
}

// Profile is what a shop has told us of a member beside name and address.
type Profile struct {
	Phone      string
	Card       string
	ReferredBy string
	Attributes map[string]any `gorm:"-"`
	Tags       []string       `gorm:"-"`
	Tier       string
	BirthYear  int64
	BirthMonth int64
	BirthDate  int64
	Suppressed string // why the address gets nothing; "": it may
	ErasedAt   loyalty.Instant
	Merged     bool
}

// ProfileOf returns the profile of a member.
func ProfileOf(tx *store.Tx, member int64) (p Profile, err error) {
	var row struct {
		Profile
		Labels string
	}
	args := store.Args{"member": member}
	err = tx.One(&row, `
		select m.phone, m.card, m.referred_by, coalesce(f.tier, '') as tier, coalesce(m.birth_year, 0) as birth_year, coalesce(m.birth_month, 0) as birth_month,
		       coalesce(m.birth_date, 0) as birth_date, coalesce(s.reason, '') as suppressed, m.erased_at, m.merged_into is not null as merged,
		       cast(m.attributes as text) as labels
		from   members m
		left   join facts f on f.member_id = m.id
		left   join suppressions s on s.email_key = m.email_key
		where  m.id = @member`, args)
	if err != nil {
		return p, err
	}
	p = row.Profile
	if err := json.Unmarshal([]byte(row.Labels), &p.Attributes); err != nil {
		return p, fmt.Errorf("the attributes of member %d: %w", member, err)
	}
	return p, tx.All(&p.Tags, "select tag from member_tags where member_id = @member order by tag", args)
}

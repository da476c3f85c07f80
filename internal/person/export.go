package person

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"regulars/internal/store"
	"regulars/internal/versions"
)

// becameSQL are the members who were made one with @id, in however many steps.
const becameSQL = `
	with recursive became (id) as (
	  select m.id from members m where m.merged_into = @id
	  union
	  select m.id from members m join became b on m.merged_into = b.id)
	select id from became`

const profileColumns = `
	m.external_id as id, m.email, m.phone, m.card, m.first_name, m.last_name, m.language, m.country, m.time_zone,
	m.birth_year, m.birth_month, m.birth_date, cast(m.attributes as text) as attributes, m.joined_at, m.referred_by,
	m.created_at, m.changed_at, m.erased_at`

// Export returns all that is known of a member. The transaction only reads.
func Export(tx *store.Tx, member int64) (d Document, err error) {
	d.ExportedAt = tx.At
	if err := d.read(tx, member); err != nil {
		return d, fmt.Errorf("what is known of member %d: %w", member, err)
	}
	return d, d.say(tx)
}

// read fills the document, part by part.
func (d *Document) read(tx *store.Tx, member int64) error {
	ids, err := them(tx, member)
	if err != nil {
		return err
	}
	args := store.Args{"id": member, "ids": store.IDs(ids)}
	if err := tx.One(&d.Member, "select"+profileColumns+" from members m where m.id = @id", args); err != nil {
		return err
	}
	var figures []Figures
	var joinings []Joining
	var lines []Line
	var refunds []Refund
	var touches []Touch
	d.Tags, d.Keys, d.Segments, d.Topics, d.Consents, d.Orders, d.Events = []string{}, []Key{}, []Stay{}, []Topic{}, []Consent{}, []Order{}, []Event{}
	d.Points, d.Balances, d.Tiers, d.Claims, d.Codes, d.Used = []Entry{}, []Balance{}, []Tier{}, []Claim{}, []Code{}, []Use{}
	d.Referrals, d.Mails, d.Passages = []Brought{}, []Mail{}, []Passage{}
	for _, part := range []struct {
		into  any
		query string
	}{
		{&d.Earlier, "select" + profileColumns + " from members m where m.id <> @id and m.id in $them order by m.id"},
		{&d.Keys, "select kind, value from member_keys where member_id in $them and kind not in ('made', 'shared') order by kind, value"},
		{&d.Tags, "select tag from member_tags where member_id in $them order by tag"},
		{&figures, `
			select joined, consent_offers as offers, consent_newsletter as newsletter, consent_program as program, orders, order_days, spent, quantity,
			       largest, smallest, first_day, last_day, usual_gap, points, points_pending as pending, tier
			from   facts where member_id in $them`},
		{&d.Segments, `
			select s.name as segment, s.rule, i.entered_at, i.left_at
			from   segment_members i join segments s on s.id = i.segment_id
			where  i.member_id in $them order by i.entered_at, s.name`},
		{&d.Topics, "select topic, granted, changed_at from member_topics where member_id in $them order by topic"},
		{&d.Consents, "select topic, granted, at, timed, source, said, ip, send_id as mail, recorded_at from consents where member_id in $them order by at, id"},
		{&joinings, "select asked_at, mailed_at, confirmed_at, cast(answers as text) as answers from joinings where member_id in $them"},
		{&d.Orders, `
			select id as row, source, external_id as id, at, status, total, refunded, discount, tax, shipping, quantity, shop
			from   orders where member_id in $them order by at, orders.id`},
		{&lines, `
			select order_id, product, name, category, brand, cast(labels as text) as labels, quantity, total
			from   order_lines where member_id in $them order by order_id, n`},
		{&refunds, `
			select order_id, external_id as id, at, total, cast(lines as text) as lines
			from   refunds where order_id in (select id from orders where member_id in $them) order by order_id, at, external_id`},
		{&d.Events, `
			select e.source, e.external_id as id, e.type, e.at, e.received_at, coalesce(o.external_id, '') as "order", cast(e.properties as text) as properties
			from   events e left join orders o on o.id = e.order_id
			where  e.member_id in $them order by e.at, e.id`},
		{&d.Points, `
			select e.wallet, e.at, e.day, e.kind, e.amount, e.cause as "for", coalesce(o.external_id, '') as "order", e.tier, e.opens_day,
			       coalesce(e.last_day, l.last_day) as last_day, e.reason, e.by_whom,
			       case when e.opens_day is null then 0 else e.amount - coalesce(l.remains, 0) end as drawn
			from   entries e left join orders o on o.id = e.order_id left join lots l on l.credit_id = e.id
			where  e.member_id in $them order by e.id`},
		{&d.Balances, "select at, balance, delta from point_changes where member_id in $them order by at, id"},
		{&d.Tiers, `
			select tier, since_day as since, last_day as through, left_day as "left", because, by_whom
			from   member_tiers where member_id in $them order by since_at, id`},
		{&d.Claims, `
			select c.reward, c.price, c.state, c.worth, coalesce(k.code, '') as code, c.order_ref as "order", c.at, c.source as through, c.reason
			from   claims c left join codes k on k.id = c.code_id
			where  c.member_id in $them order by c.id`},
		{&d.Codes, `
			select p.name as pool, c.code, c.state, c.reserved_at, c.issued_at, c.valid_until, c.redeemed_at
			from   codes c join pools p on p.id = c.pool_id
			where  c.member_id in $them order by c.reserved_at, c.id`},
		{&d.Used, `
			select p.name as pool, c.code, r.at, coalesce(o.external_id, '') as "order", r.discount, r.undone
			from   redemptions r join codes c on c.id = r.code_id join pools p on p.id = r.pool_id left join orders o on o.id = r.order_id
			where  r.member_id in $them order by r.at, r.id`},
		{&d.Referrals, `
			select case when friend_id in $them then 'friend' else 'referrer' end as role, state, reason, at
			from   referrals where friend_id in $them or referrer_id in $them order by id`},
		{&d.Mails, `
			select s.id, c.name as campaign, s.step, s.class, s.topic, s.state, s.reason, s.queued_at, s.handed_at, s.done_at, coalesce(k.code, '') as code,
			       coalesce(s.smtp_text, '') as relay, s.version_id
			from   sends s join campaigns c on c.id = s.campaign_id left join codes k on k.id = s.code_id
			where  s.member_id in $them order by s.id`},
		{&touches, "select send_id, kind, at, person, link from touches where member_id in $them order by at, id"},
		{&d.Passages, `
			select c.name as campaign, p.started_at, p.state, p.step_name as step, p.reason, p.wake_at
			from   passages p join campaigns c on c.id = p.campaign_id
			where  p.member_id in $them order by p.id`},
	} {
		if err := tx.All(part.into, filled(tx, part.query), args); err != nil {
			return err
		}
	}
	if len(figures) > 0 {
		d.Figures = &figures[0]
	}
	if len(joinings) > 0 {
		d.Joining = &joinings[0]
	}
	d.arrange(lines, refunds, touches)
	return d.addAddress(tx, args)
}

// arrange puts lines and refunds to their orders, and opens and clicks to their mails.
func (d *Document) arrange(lines []Line, refunds []Refund, touches []Touch) {
	orders, mails := map[int64]*Order{}, map[int64]*Mail{}
	for i := range d.Orders {
		o := &d.Orders[i]
		o.Lines, o.Refunds = []Line{}, []Refund{}
		orders[o.Row] = o
	}
	for i := range d.Mails {
		m := &d.Mails[i]
		m.Touches = []Touch{}
		mails[m.ID] = m
	}
	for _, l := range lines {
		if o := orders[l.OrderID]; o != nil {
			o.Lines = append(o.Lines, l)
		}
	}
	for _, r := range refunds {
		if o := orders[r.OrderID]; o != nil {
			o.Refunds = append(o.Refunds, r)
		}
	}
	for _, t := range touches {
		if m := mails[t.SendID]; m != nil {
			m.Touches = append(m.Touches, t)
		}
	}
}

// addAddress adds what holds for the address of the member.
func (d *Document) addAddress(tx *store.Tx, args store.Args) error {
	var stops []Address
	err := tx.All(&stops, `
		select s.reason as suppressed, s.at as suppressed_at, s.source
		from   suppressions s join members m on m.email_key = s.email_key
		where  m.id = @id`, args)
	if err != nil {
		return err
	}
	if len(stops) > 0 {
		d.Address = stops[0]
	}
	d.Address.Refusals = []Refusal{}
	return tx.All(&d.Address.Refusals, `
		select r.topic, r.at, r.source
		from   refusals r join members m on m.email_key = r.email_key
		where  m.id = @id order by r.topic`, args)
}

var subjectLine = regexp.MustCompile(`(?m)^subject:[ \t]*(.+?)[ \t]*$`)

// say adds what the program says: the shop, its currency, and the subjects of mails as
// they stand in the version that each was written by.
func (d *Document) say(tx *store.Tx) error {
	v, err := versions.Active(tx)
	if err != nil {
		return versions.IgnoreNoProgram(err)
	}
	d.Shop, d.Currency = v.Program.Shop.Name, v.Program.Currency
	files := map[int64]map[string]string{}
	for i := range d.Mails {
		m := &d.Mails[i]
		if files[m.VersionID] == nil {
			if files[m.VersionID], err = versions.Files(tx, m.VersionID); store.IgnoreNotFound(err) != nil {
				return err
			}
		}
		m.Subject = subjectOf(files[m.VersionID], "campaigns/"+m.Campaign+"/"+m.Step+".", d.Member.Language)
	}
	return nil
}

// subjectOf finds the subject of a mail in the member's language, else in the first.
func subjectOf(files map[string]string, prefix, language string) (subject string) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		in, found := strings.CutPrefix(name, prefix)
		if !found || subject != "" && in != language+".md" {
			continue
		}
		if s := subjectLine.FindStringSubmatch(files[name]); s != nil {
			subject = s[1]
		}
	}
	return subject
}

package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// past is what happened in the shop, in its order. What there is, and when, is
// listed in a table of the stage, so that memory holds one page of it however long
// the history is; each page is then read from the shop's database by its ids.
//
// What has a history there is played when it happened: who joined, orders and
// their refunds, points, answers about topics and the shop's own events. What has
// none (attributes, tags, language, birthday) is taken as it is today from the
// moment on at which somebody is first heard of. Addresses are made up, and names
// left out.
type past struct {
	stage, shop *store.DB
	r           Rehearsal
	next        moment // the last that was read
	people      int64  // members that are told of
	read, all   int64  // of the lines
	page        []loyalty.Event
	over        bool
}

// moment is one line of the list.
type moment struct{ At, Rank, Ref int64 }

// The ranks put what happened in one microsecond into an order. Names never meet
// the shop's.
const (
	aMember = iota
	anAnswer
	aPoint
	anOrder
	anEvent
	aRefund
	aReturn
)

// pageSize is how much of the past is in memory at once.
const pageSize = 500

// played are the events that are told by tables of their own. Those that Regulars tells
// itself, of tiers and cards, come about anew on the stage.
const played = "('order.placed', 'order.changed', 'order.refunded', 'order.cancelled', 'member.joined', 'member.changed', 'points.changed')"

// sources say when what happened, by rank: the id of a row and its moment.
func (r Rehearsal) sources() map[int]string {
	in := r.in
	first := "(select member_id, min(at) as first from orders where counts" + in("member_id") + " group by member_id)"
	members := `select m.id, coalesce(m.joined_at, h.first, m.created_at) as at
		from   members m left join (select member_id, min(at) as first from (
			select member_id, at from orders where counts` + in("member_id") + ` union all select member_id, at from consents where true` + in("member_id") + ` union all
			select member_id, at from events where true` + in("member_id") + ` union all select member_id, at from point_changes where true` + in("member_id") + `) e group by member_id) h on h.member_id = m.id
		where  m.merged_into is null and m.erased_at is null` + in("m.id")
	answers := `select c.id, c.at from consents c where exists (select 1 from consents d where d.member_id = c.member_id and d.topic = c.topic
		and (d.at < c.at or d.at = c.at and d.id < c.id))` + in("c.member_id")
	if r.Everyone {
		members = "select m.id, o.first as at from members m join " + first + " o on o.member_id = m.id where m.merged_into is null and m.erased_at is null"
		answers = "select id, at from consents where false"
	}
	return map[int]string{
		aMember: members, anAnswer: answers,
		aPoint:  "select id, at from point_changes where day <= @to" + in("member_id"),
		anOrder: "select id, at from orders where day <= @to and (counts or status = 'refunded')" + in("member_id"),
		anEvent: "select e.id, e.at from events e where e.day <= @to and e.source <> '" + happenings.OwnSource + "' and e.type not in " + played + in("e.member_id"),
		aRefund: "select f.order_id, f.at from refunds f join orders o on o.id = f.order_id where (o.counts or o.status = 'refunded')" + in("o.member_id"),
		aReturn: "select o.id, o.changed_at as at from orders o where o.day <= @to and o.status = 'refunded' and not exists (select 1 from refunds f where f.order_id = o.id)" + in("o.member_id"),
	}
}

// list writes down when what happened.
func (r Rehearsal) list(ctx context.Context, stage *store.DB) (*past, error) {
	run := func(statement string) error {
		return stage.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(statement, nil)
			return err
		})
	}
	if err := run("create table rehearsal_past (at bigint not null, rank bigint not null, ref bigint not null)"); err != nil {
		return nil, err
	}
	p := &past{stage: stage, shop: r.Past, r: r, next: moment{At: -1 << 62}}
	for rank, source := range r.sources() {
		var n int64
		err := r.Past.View(ctx, func(tx *store.Tx) (err error) {
			n, err = listed(ctx, tx, stage, rank, source, r.To)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("listing what happened: %w", err)
		}
		if p.all += n; rank == aMember {
			p.people = n
		}
	}
	return p, run("create index rehearsal_past_at on rehearsal_past (at, rank, ref)")
}

func listed(ctx context.Context, tx *store.Tx, stage *store.DB, rank int, source string, to loyalty.Day) (n int64, err error) {
	if err := tx.InBackground(); err != nil {
		return 0, err
	}
	rows, err := tx.Query(source, store.Args{"to": int64(to)})
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var lines [][]any
	write := func() error {
		defer func() { lines = lines[:0] }()
		return stage.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Bulk("rehearsal_past", []string{"at", "rank", "ref"}, lines)
			return err
		})
	}
	for rows.Next() {
		var ref int64
		var at loyalty.Instant
		if err := rows.Scan(&ref, &at); err != nil {
			return 0, err
		}
		n++
		micros := at.UnixMicro()
		if rank == aMember {
			micros-- // before their first order
		}
		if lines = append(lines, []any{micros, int64(rank), ref}); len(lines) == 10_000 {
			if err := write(); err != nil {
				return 0, err
			}
		}
	}
	return n, errors.Join(rows.Err(), write())
}

// batch returns what happened next, before a moment and all within a span; none
// when there is no more.
func (p *past) batch(ctx context.Context, before time.Time, within time.Duration) ([]loyalty.Event, error) {
	for len(p.page) == 0 && !p.over {
		if err := p.turn(ctx); err != nil {
			return nil, err
		}
	}
	n := 0
	for n < len(p.page) && p.page[n].At.Before(before) && p.page[n].At.Sub(p.page[0].At.Time) < within {
		n++
	}
	events := p.page[:n]
	p.page = p.page[n:]
	return events, nil
}

// turn reads the next page.
func (p *past) turn(ctx context.Context) error {
	var lines []moment
	err := p.stage.View(ctx, func(tx *store.Tx) error {
		return tx.All(&lines, "select at, rank, ref from rehearsal_past where (at, rank, ref) > (@at, @rank, @ref) order by at, rank, ref limit @most",
			store.Args{"at": p.next.At, "rank": p.next.Rank, "ref": p.next.Ref, "most": pageSize})
	})
	if err != nil {
		return err
	}
	if p.over = len(lines) == 0; p.over {
		return nil
	}
	p.next, p.read = lines[len(lines)-1], p.read+int64(len(lines))
	ids := map[int64][]int64{}
	for _, l := range lines {
		ids[l.Rank] = append(ids[l.Rank], l.Ref)
	}
	return p.shop.View(ctx, func(tx *store.Tx) error {
		found := map[moment][]loyalty.Event{}
		for rank, read := range map[int64]func(*store.Tx, []int64, func(int64, loyalty.Event)) error{
			aMember: p.members, anAnswer: answers, aPoint: points, anOrder: orders, anEvent: events, aRefund: refunds, aReturn: returns,
		} {
			if len(ids[rank]) == 0 {
				continue
			}
			err := read(tx, ids[rank], func(ref int64, e loyalty.Event) {
				of := moment{Rank: rank, Ref: ref}
				found[of] = append(found[of], e)
			})
			if err != nil {
				return fmt.Errorf("reading what happened: %w", err)
			}
		}
		for _, l := range lines {
			for _, e := range found[moment{Rank: l.Rank, Ref: l.Ref}] {
				if l.Rank == aMember {
					e.At = loyalty.At(time.UnixMicro(l.At))
					e.Member.ConsentAt = e.At
					if e.Member.Joined != nil {
						e.Member.JoinedAt = e.At
					}
				}
				if l.Rank != aRefund || e.At.UnixMicro() == l.At { // refunds are listed by their order
					p.page = append(p.page, e)
				}
			}
		}
		return nil
	})
}

// asked are the rows of a page, by id.
func asked(ids []int64) store.Args { return store.Args{"ids": store.JSON(ids)} }

func among(tx *store.Tx, column string) string {
	return column + " in (select value from " + tx.JSONEach("@ids") + ")"
}

func told(kind, id string, at loyalty.Instant, member string) loyalty.Event {
	return loyalty.Event{Source: "rehearsal", Type: kind, ID: id, At: at, Member: loyalty.Member{ID: member}}
}

// members tells of people, each once: that they joined, or that they are known.
func (p *past) members(tx *store.Tx, ids []int64, tell func(int64, loyalty.Event)) error {
	var rows []struct {
		ID                                              int64
		Member, Language, Country, TimeZone, Attributes string
		BroughtBy                                       string
		BirthMonth, BirthDate                           *int
		JoinedAt                                        loyalty.Instant
	}
	err := tx.All(&rows, `
		select m.id, m.external_id as member, m.language, m.country, m.time_zone, cast(m.attributes as text) as attributes, m.birth_month, m.birth_date, m.joined_at,
		       coalesce(b.external_id, '') as brought_by
		from   members m
		left   join referrals r on r.friend_id = m.id
		left   join members b   on b.id = r.referrer_id and b.merged_into is null and b.erased_at is null`+p.r.in("b.id")+`
		where  `+among(tx, "m.id"), asked(ids))
	if err != nil {
		return err
	}
	tags, consents, err := p.said(tx, ids)
	if err != nil {
		return err
	}
	yes := true
	for _, m := range rows {
		e := told(loyalty.MemberChanged, fmt.Sprint("m-", m.ID), loyalty.Instant{}, m.Member)
		who := &e.Member
		who.Email, who.Language, who.Country, who.TimeZone = fmt.Sprintf("m%d@rehearsal.invalid", m.ID), m.Language, m.Country, m.TimeZone
		who.Consent, who.ConsentSource, who.Tags, who.ReferredBy = consents[m.ID], "rehearsal", tags[m.ID], m.BroughtBy
		if p.r.Everyone {
			who.Consent = map[string]bool{loyalty.Offers: true, loyalty.Newsletter: true}
		}
		if p.r.Everyone || !m.JoinedAt.IsZero() {
			e.Type, who.Joined = loyalty.MemberJoined, &yes
		}
		if m.BirthMonth != nil && m.BirthDate != nil {
			who.Birthday = fmt.Sprintf("--%02d-%02d", *m.BirthMonth, *m.BirthDate)
		}
		if who.Attributes, err = p.declared(m.Attributes); err != nil {
			return fmt.Errorf("attributes of member %d: %w", m.ID, err)
		}
		tell(m.ID, e)
	}
	return nil
}

// declared are the attributes that the program to be played knows.
func (p *past) declared(text string) (map[string]any, error) {
	var known map[string]any
	if err := json.Unmarshal([]byte(text), &known); err != nil {
		return nil, err
	}
	maps.DeleteFunc(known, func(name string, _ any) bool { return p.r.Program.Program.Attributes[name] == 0 })
	return known, nil
}

// said are the tags of members and their first answers about topics, which count
// from the beginning: those that followed are played in their time.
func (p *past) said(tx *store.Tx, ids []int64) (tags map[int64][]string, consents map[int64]map[string]bool, err error) {
	tags, consents = map[int64][]string{}, map[int64]map[string]bool{}
	var tagged []struct {
		MemberID int64
		Tag      string
	}
	if err := tx.All(&tagged, "select member_id, tag from member_tags where "+among(tx, "member_id")+" order by tag", asked(ids)); err != nil {
		return nil, nil, err
	}
	for _, t := range tagged {
		tags[t.MemberID] = append(tags[t.MemberID], t.Tag)
	}
	var answers []struct {
		MemberID int64
		Topic    string
		Granted  bool
	}
	err = tx.All(&answers, `
		select member_id, topic, granted from member_topics where `+among(tx, "member_id")+`
		union all
		select member_id, topic, granted from (
			select member_id, topic, granted, row_number() over (partition by member_id, topic order by at, id) as n
			from   consents where `+among(tx, "member_id")+`) c
		where  n = 1`, asked(ids))
	for _, a := range answers { // the first answer stands over today's, which came before it here
		if consents[a.MemberID] == nil {
			consents[a.MemberID] = map[string]bool{}
		}
		consents[a.MemberID][a.Topic] = a.Granted
	}
	return tags, consents, err
}

func answers(tx *store.Tx, ids []int64, tell func(int64, loyalty.Event)) error {
	var rows []struct {
		ID            int64
		Member, Topic string
		Granted       bool
		At            loyalty.Instant
	}
	err := tx.All(&rows, `
		select c.id, m.external_id as member, c.topic, c.granted, c.at
		from   consents c join members m on m.id = c.member_id
		where  m.merged_into is null and m.erased_at is null and `+among(tx, "c.id"), asked(ids))
	for _, c := range rows {
		e := told(loyalty.MemberChanged, fmt.Sprint("c-", c.ID), c.At, c.Member)
		e.Member.Consent, e.Member.ConsentSource, e.Member.ConsentAt = map[string]bool{c.Topic: c.Granted}, "rehearsal", c.At
		tell(c.ID, e)
	}
	return err
}

func points(tx *store.Tx, ids []int64, tell func(int64, loyalty.Event)) error {
	var rows []struct {
		ID             int64
		Member         string
		Balance, Delta *int64
		At             loyalty.Instant
	}
	err := tx.All(&rows, "select c.id, m.external_id as member, c.balance, c.delta, c.at from point_changes c join members m on m.id = c.member_id where "+among(tx, "c.id"), asked(ids))
	for _, c := range rows {
		e := told(loyalty.PointsChanged, fmt.Sprint("p-", c.ID), c.At, c.Member)
		e.Points = &loyalty.Points{Balance: c.Balance, Delta: c.Delta}
		tell(c.ID, e)
	}
	return err
}

// orders tells of orders as they were sold.
func orders(tx *store.Tx, ids []int64, tell func(int64, loyalty.Event)) error {
	var rows []struct {
		ID, Total, Refunded, Known, Discount, Tax, Shipping, Quantity int64
		Member, Status, Shop                                          string
		At                                                            loyalty.Instant
	}
	err := tx.All(&rows, `
		select o.id, m.external_id as member, o.at, o.status, o.total, o.refunded, o.discount, o.tax, o.shipping, o.quantity, o.shop,
		       coalesce((select sum(f.total) from refunds f where f.order_id = o.id), 0) as known
		from   orders o join members m on m.id = o.member_id
		where  `+among(tx, "o.id"), asked(ids))
	if err != nil {
		return err
	}
	var sold []struct {
		OrderID, Quantity, Total       int64
		Product, Name, Category, Brand string
		Labels                         loyalty.Labels
	}
	err = tx.All(&sold, `
		select order_id, product, name, category, brand, cast(labels as text) as labels, quantity, total
		from   order_lines where `+among(tx, "order_id")+` order by order_id, n`, asked(ids))
	lines := map[int64][]loyalty.Line{}
	for _, l := range sold {
		lines[l.OrderID] = append(lines[l.OrderID], loyalty.Line{Product: l.Product, Name: l.Name, Category: l.Category, Brand: l.Brand, Labels: l.Labels, Quantity: l.Quantity, Total: l.Total})
	}
	for _, o := range rows {
		if o.Status != loyalty.Refunded {
			o.Total -= max(0, o.Refunded-o.Known) // given back, nobody knows when
		}
		e := told(loyalty.OrderPlaced, orderID(o.ID), o.At, o.Member)
		e.Order = &loyalty.Order{ID: orderID(o.ID), At: o.At, Status: loyalty.Paid, Total: o.Total, HasTotal: true,
			Discount: o.Discount, Tax: o.Tax, HasTax: true, Shipping: o.Shipping, HasShipping: true, Quantity: o.Quantity, Shop: o.Shop, Lines: lines[o.ID]}
		tell(o.ID, e)
	}
	return err
}

func orderID(id int64) string { return fmt.Sprint("o-", id) }

// events tells of what the shop said beside: that an order was sent out, a visit,
// and events of its own.
func events(tx *store.Tx, ids []int64, tell func(int64, loyalty.Event)) error {
	var rows []struct {
		ID, OrderID              int64
		Member, Type, Properties string
		Missing                  bool
		At                       loyalty.Instant
	}
	err := tx.All(&rows, `
		select e.id, coalesce(e.order_id, 0) as order_id, m.external_id as member, e.type, e.at, cast(e.properties as text) as properties,
		       e.order_id is not null and not exists (select 1 from orders o where o.id = e.order_id and (o.counts or o.status = 'refunded')) as missing
		from   events e join members m on m.id = e.member_id
		where  `+among(tx, "e.id"), asked(ids))
	for _, r := range rows {
		if r.Missing {
			continue // of an order that never counted
		}
		e := told(r.Type, fmt.Sprint("e-", r.ID), r.At, r.Member)
		if err := json.Unmarshal([]byte(r.Properties), &e.Properties); err != nil {
			return fmt.Errorf("properties of event %d: %w", r.ID, err)
		}
		maps.DeleteFunc(e.Properties, func(name string, _ any) bool { return strings.HasPrefix(name, "_") }) // intake's own
		if r.OrderID != 0 {
			e.Order = &loyalty.Order{ID: orderID(r.OrderID)}
		}
		tell(r.ID, e)
	}
	return err
}

// refunds tells of the refunds of orders; each moment has its own line.
func refunds(tx *store.Tx, ids []int64, tell func(int64, loyalty.Event)) error {
	var rows []struct {
		OrderID, Total            int64
		Member, ExternalID, Lines string
		At                        loyalty.Instant
	}
	err := tx.All(&rows, `
		select f.order_id, f.external_id, f.at, f.total, coalesce(cast(f.lines as text), 'null') as lines, m.external_id as member
		from   refunds f join orders o on o.id = f.order_id join members m on m.id = o.member_id
		where  `+among(tx, "f.order_id")+` order by f.at, f.external_id`, asked(ids))
	for _, f := range rows {
		e := told(loyalty.OrderRefunded, fmt.Sprintf("f-%d-%s", f.OrderID, f.ExternalID), f.At, f.Member)
		e.Order, e.Refund = &loyalty.Order{ID: orderID(f.OrderID)}, &loyalty.Refund{ID: f.ExternalID, Total: f.Total}
		if err := json.Unmarshal([]byte(f.Lines), &e.Refund.Lines); err != nil {
			return fmt.Errorf("lines of a refund of order %d: %w", f.OrderID, err)
		}
		tell(f.OrderID, e)
	}
	return err
}

// returns tells of orders that were given back whole, when nothing else says when.
func returns(tx *store.Tx, ids []int64, tell func(int64, loyalty.Event)) error {
	var rows []struct {
		ID     int64
		Member string
		At     loyalty.Instant
	}
	err := tx.All(&rows, "select o.id, m.external_id as member, o.changed_at as at from orders o join members m on m.id = o.member_id where "+among(tx, "o.id"), asked(ids))
	for _, o := range rows {
		e := told(loyalty.OrderRefunded, fmt.Sprint("f-", o.ID), o.At, o.Member)
		e.Order, e.Refund = &loyalty.Order{ID: orderID(o.ID)}, &loyalty.Refund{ID: "all", All: true}
		tell(o.ID, e)
	}
	return err
}

package rehearsal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// read returns what happened up to the last day, in order: who joined, and the
// orders with their lines, as they stand today. Addresses are made up.
func (r Rehearsal) read(ctx context.Context, zone *time.Location) (events []loyalty.Event, err error) {
	err = r.Past.View(ctx, func(tx *store.Tx) error {
		lines, err := readLines(tx, r.To)
		if err != nil {
			return err
		}
		orders, err := readOrders(tx, r.To, lines)
		if err != nil {
			return err
		}
		joinings, err := r.readMembers(tx, orders)
		events = append(joinings, orders...)
		return err
	})
	slices.SortStableFunc(events, func(a, b loyalty.Event) int { return cmp.Compare(a.At.UnixMicro(), b.At.UnixMicro()) })
	return events, err
}

func readOrders(tx *store.Tx, to loyalty.Day, lines map[int64][]loyalty.Line) (events []loyalty.Event, err error) {
	var rows []struct {
		ID, Total, Refunded, Discount, Quantity int64
		Member, Status, Shop                    string
		At                                      loyalty.Instant
	}
	err = tx.All(&rows, `
		select o.id, m.external_id as member, o.at, o.status, o.total, o.refunded, o.discount, o.quantity, o.shop
		from   orders o join members m on m.id = o.member_id
		where  o.day <= @to and o.counts
		order  by o.at, o.id`, store.Args{"to": to})
	for _, o := range rows {
		id := fmt.Sprint("o-", o.ID)
		events = append(events, loyalty.Event{
			Source: "rehearsal", Type: loyalty.OrderPlaced, ID: id, At: o.At, Member: loyalty.Member{ID: o.Member},
			Order: &loyalty.Order{ID: id, At: o.At, Status: o.Status, Total: o.Total - o.Refunded, HasTotal: true,
				Discount: o.Discount, Quantity: o.Quantity, Shop: o.Shop, Lines: lines[o.ID]},
		})
	}
	return events, err
}

func readLines(tx *store.Tx, to loyalty.Day) (map[int64][]loyalty.Line, error) {
	var rows []struct {
		OrderID, Quantity, Total       int64
		Product, Name, Category, Brand string
		Labels                         loyalty.Labels
	}
	err := tx.All(&rows, `
		select order_id, product, name, category, brand, cast(labels as text) as labels, quantity, total
		from   order_lines where day <= @to and counts order by order_id, n`, store.Args{"to": to})
	lines := map[int64][]loyalty.Line{}
	for _, l := range rows {
		lines[l.OrderID] = append(lines[l.OrderID], loyalty.Line{Product: l.Product, Name: l.Name, Category: l.Category, Brand: l.Brand, Labels: l.Labels, Quantity: l.Quantity, Total: l.Total})
	}
	return lines, err
}

// readMembers returns an event for each who joined. With Everyone that is each
// who ordered, a moment before the first order.
func (r Rehearsal) readMembers(tx *store.Tx, orders []loyalty.Event) ([]loyalty.Event, error) {
	var rows []struct {
		Member, Language, Country, TimeZone string
		BirthMonth, BirthDate               *int
		JoinedAt, CreatedAt                 loyalty.Instant
		Offers, Newsletter, Program         bool
	}
	err := tx.All(&rows, `
		select m.external_id as member, m.language, m.country, m.time_zone, m.birth_month, m.birth_date, m.joined_at, m.created_at,
		       coalesce(f.consent_offers, false) as offers, coalesce(f.consent_newsletter, false) as newsletter,
		       coalesce(f.consent_program, false) as program
		from   members m left join facts f on f.member_id = m.id
		where  m.merged_into is null and m.erased_at is null
		order  by m.id`, nil)
	if err != nil {
		return nil, err
	}
	first := map[string]loyalty.Instant{}
	for _, o := range orders {
		if first[o.Member.ID].IsZero() {
			first[o.Member.ID] = o.At
		}
	}
	var events []loyalty.Event
	for i, m := range rows {
		at, yes := m.JoinedAt, true
		consents := map[string]bool{loyalty.Offers: m.Offers, loyalty.Newsletter: m.Newsletter}
		if r.Everyone {
			at, consents = first[m.Member].Plus(-time.Microsecond), map[string]bool{loyalty.Offers: true, loyalty.Newsletter: true}
		}
		if at.IsZero() {
			continue
		}
		person := loyalty.Member{ID: m.Member, Email: fmt.Sprintf("m%d@rehearsal.invalid", i), Language: m.Language, Country: m.Country,
			TimeZone: m.TimeZone, Joined: &yes, JoinedAt: at, Consent: consents, ConsentSource: "rehearsal", ConsentAt: at}
		if m.BirthMonth != nil && m.BirthDate != nil {
			person.Birthday = fmt.Sprintf("--%02d-%02d", *m.BirthMonth, *m.BirthDate)
		}
		events = append(events, loyalty.Event{Source: "rehearsal", Type: loyalty.MemberJoined, ID: fmt.Sprint("m-", i), At: at, Member: person})
	}
	return events, nil
}

package intake

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/store"
)

// What new orders bring is added to the facts of their members, once for each member and
// batch of a file, or wave of events: to compute them anew takes longer with each order that
// a member has. All of it adds up but the median of the days between orders, and what was
// spent in a time, for which facts keep those days with what was spent on each; how points stand is known from booking them. Whose facts change by
// anything else has them computed.

// standing is what the facts of a member say of their orders, and of their points.
type standing struct {
	orders, orderDays, spent, quantity   int64
	largest, smallest, firstDay, lastDay *int64
	usualGap                             *float64
	packed                               []byte // the days, as the table has them
	days                                 []loyalty.Day
	spentOn                              []int64 // each of them
	unpacked                             bool    // days are there
	fresh                                bool    // the member was made just now, and has no row yet

	points, pending int64
	ends            *int64 // the next day on which some points end

	tier   string          // that is held; what moves it has the facts computed, or is told to campaigns after it was read
	tierAt loyalty.Instant // orders from then on have that tier; none: not known

	wallets []byte // what points have facts keep of wallets; nil: nothing
}

// standingColumns are those of facts, in the order of standing.values.
var standingColumns = []string{
	"orders bigint", "order_days bigint", "spent bigint", "quantity bigint", "largest bigint", "smallest bigint",
	"first_day bigint", "last_day bigint", "usual_gap double precision", "days bytea",
}

// pointColumns are those of points, where the program keeps them itself.
var pointColumns = []string{"points bigint", "points_pending bigint", "points_last_day bigint"}

// newcomer is the standing of a member who was made just now: nothing is booked for them.
func newcomer() *standing {
	return &standing{fresh: true, unpacked: true, wallets: []byte{}, tierAt: ever}
}

// tierOf is the tier that the member had before an order that is theirs now; nil: that is
// to be looked up.
func (s *standing) tierOf(o *order) *string {
	if s.tierAt.IsZero() || o.At.Before(s.tierAt.Time) {
		return nil
	}
	return &s.tier
}

// have notes how points stand.
func (s *standing) have(p points.Stand) {
	if s.points, s.pending, s.ends = p.Points, p.Pending, nil; p.Ends != 0 {
		ends := int64(p.Ends)
		s.ends = &ends
	}
}

// values are those columns, with room for some of the member's after them.
func (s *standing) values() []any {
	return append(make([]any, 0, len(standingColumns)+len(pointColumns)+7),
		s.orders, s.orderDays, s.spent, s.quantity, s.largest, s.smallest, s.firstDay, s.lastDay, s.usualGap, s.pack())
}

// pack writes how many orders the days are of, below zero, then how long after the one
// before each day is and what was spent on it. Above zero they are days alone: an older
// version wrote them, and takes ours for days of other orders.
func (s *standing) pack() []byte {
	packed := binary.AppendVarint(make([]byte, 0, 4*len(s.days)+8), -s.orders)
	last := loyalty.Day(0)
	for i, day := range s.days {
		packed = binary.AppendVarint(packed, int64(day-last))
		packed, last = binary.AppendVarint(packed, s.spentOn[i]), day
	}
	return packed
}

// unpack reads the days and reports whether they are those of the facts.
func (s *standing) unpack() bool {
	if s.orders == 0 {
		return true
	}
	rest, sound := s.packed, true
	next := func() int64 {
		v, n := binary.Varint(rest)
		if n <= 0 {
			sound, rest = false, nil
			return 0
		}
		rest = rest[n:]
		return v
	}
	if next() != -s.orders {
		return false
	}
	var last loyalty.Day
	var spent int64
	s.days, s.spentOn = make([]loyalty.Day, 0, s.orderDays+1), make([]int64, 0, s.orderDays+1)
	for len(rest) > 0 {
		last += loyalty.Day(next())
		on := next()
		s.days, s.spentOn, spent = append(s.days, last), append(s.spentOn, on), spent+on
	}
	return sound && int64(len(s.days)) == s.orderDays && s.orderDays > 0 && spent == s.spent &&
		s.firstDay != nil && int64(s.days[0]) == *s.firstDay && s.lastDay != nil && int64(last) == *s.lastDay
}

// add adds an order that is in figures, and its day unless that is known.
func (s *standing) add(o *order, known bool) {
	worth, day := o.Total-o.Refunded, int64(o.Day)
	s.orders, s.spent, s.quantity = s.orders+1, s.spent+worth, s.quantity+o.Quantity
	s.largest, s.smallest = further(s.largest, worth, 1), further(s.smallest, worth, -1)
	s.firstDay, s.lastDay = further(s.firstDay, day, -1), further(s.lastDay, day, 1)
	if !known {
		s.know(o.Day, worth)
	}
}

// know adds what was spent on a day.
func (s *standing) know(day loyalty.Day, spent int64) {
	i, there := slices.BinarySearch(s.days, day)
	if !there {
		s.days, s.spentOn = slices.Insert(s.days, i, day), slices.Insert(s.spentOn, i, 0)
	}
	s.spentOn[i] += spent
	s.orderDays = int64(len(s.days))
}

// spentIn is what was spent from a day to another; the days are there.
func (s *standing) spentIn(first, last loyalty.Day) (sum int64) {
	for i, day := range s.days {
		if day >= first && day <= last {
			sum += s.spentOn[i]
		}
	}
	return sum
}

// further is of two values the one that lies further in a direction.
func further(have *int64, v, direction int64) *int64 {
	if have != nil && (v-*have)*direction <= 0 {
		return have
	}
	return &v
}

// gap sets the median of the days between one day with an order and the next.
func (s *standing) gap() {
	s.usualGap = nil
	if len(s.days) < 2 {
		return
	}
	gaps := make([]loyalty.Day, len(s.days)-1)
	for i := range gaps {
		gaps[i] = s.days[i+1] - s.days[i]
	}
	slices.Sort(gaps)
	median := float64(gaps[(len(gaps)-1)/2]+gaps[len(gaps)/2]) / 2
	s.usualGap = &median
}

// bringUp brings the facts of all whom items touched up to date, by adding to them what new
// orders bring, or else by computing them.
func (b *batch) bringUp(items []*item) error {
	adds, rest := b.adding(items)
	unknown, err := b.addStandings(adds)
	rest = append(rest, unknown...)
	booked := slices.DeleteFunc(slices.Clone(rest), func(id int64) bool { _, is := b.booked.Wallets[id]; return !is })
	b.disowned, b.booked = nil, points.Booked{}
	if err != nil {
		return err
	}
	if err := points.Forget(b.tx, booked); err != nil {
		return err
	}
	after, err := refreshFacts(b.tx, b.today(), rest)
	for _, f := range after {
		if who := b.people.byID[f.MemberID]; who != nil {
			who.member.Orders, who.member.Spent, who.member.Points = f.Orders, f.Spent, f.Points
			who.standing = nil
		}
	}
	return err
}

// adding parts the members of items: those to whose facts their orders and points only add,
// and those to compute. Who is neither has the facts that they had.
func (b *batch) adding(items []*item) (adds map[*person][]*order, rest []int64) {
	adds = make(map[*person][]*order, len(items))
	other := map[int64]bool{}
	for _, id := range b.disowned {
		other[id] = true
	}
	for _, it := range items {
		o, who := it.order, it.who
		switch {
		case b.changesMore(it):
			other[who.id] = true
			if o != nil {
				other[o.MemberID] = true
			}
		case it.about():
			adds[who] = append(adds[who], o)
			o.adds = false
		}
	}
	for id := range b.booked.Changed {
		other[id] = true
	}
	stands := func(id int64) {
		if who := b.people.byID[id]; who == nil || !who.locked {
			other[id] = true
		} else if adds[who] == nil {
			adds[who] = nil
		}
	}
	for id := range b.booked.Stands {
		stands(id)
	}
	for id := range b.booked.Wallets {
		stands(id)
	}
	for who := range adds {
		if other[who.id] {
			delete(adds, who)
		}
	}
	for id := range other {
		if id != 0 {
			rest = append(rest, id)
		}
	}
	slices.Sort(rest)
	return adds, rest
}

// changesMore reports whether facts may change by an item otherwise than by a new order of
// its member's.
func (b *batch) changesMore(it *item) bool {
	o, who := it.order, it.who
	switch {
	case it.ofMembers(), it.Points != nil, who.profiled, b.returning[who.id]:
		return true
	case it.about():
		joins := who.standing != nil && who.standing.fresh && !who.member.JoinedAt.IsZero()
		return !o.adds || it.told != nil || o.MemberID != who.id || o.Day > b.today() || joins
	}
	return who.standing == nil || who.standing.fresh // there is no row yet
}

// addStandings writes the facts of members with what their orders add, and returns those
// who have none yet.
func (b *batch) addStandings(adds map[*person][]*order) (unknown []int64, err error) {
	people := slices.SortedFunc(maps.Keys(adds), func(x, y *person) int { return cmp.Compare(x.id, y.id) })
	if err := b.readStandings(slices.DeleteFunc(slices.Clone(people), func(who *person) bool { return who.standing != nil })); err != nil {
		return nil, err
	}
	dayless, err := b.unpackDays(people)
	if err != nil {
		return nil, err
	}
	var fresh, changed [][]any
	for _, who := range people {
		s := who.standing
		if s == nil {
			unknown = append(unknown, who.id)
			continue
		}
		if now, booked := b.booked.Stands[who.id]; booked {
			s.have(now)
		}
		for _, o := range adds[who] {
			if o.counts() {
				s.add(o, dayless[who.id] != nil)
			}
		}
		s.gap()
		who.member.Orders, who.member.Spent, who.member.Points = s.orders, s.spent, s.points
		row := s.values()
		if b.shop.points != nil {
			s.wallets = b.booked.Wallets[who.id] // of whom anything else was booked it is not known any more
		}
		if b.shop.keepsPoints {
			row = append(row, s.points, s.pending, s.ends)
		}
		if b.shop.points != nil || s.fresh {
			row = append(row, s.wallets)
		}
		if s.fresh {
			s.fresh = false
			fresh = append(fresh, append(row, s.tierAt, who.id, who.member.Country, who.member.Language, who.member.birthday(), who.member.BirthYear))
		} else {
			changed = append(changed, append(row, who.id))
		}
	}
	if err := b.writeStandings(fresh, changed); err != nil {
		return nil, fmt.Errorf("adding to the facts of %d members: %w", len(people), err)
	}
	return unknown, nil
}

// birthday is the column of facts.
func (m *member) birthday() *int64 {
	if m.BirthMonth == nil || m.BirthDate == nil {
		return nil
	}
	n := *m.BirthMonth*100 + *m.BirthDate
	return &n
}

func (b *batch) writeStandings(fresh, changed [][]any) error {
	own := slices.Clone(standingColumns)
	if b.shop.keepsPoints {
		own = append(own, pointColumns...)
	}
	if changed != nil {
		own := own
		if b.shop.points != nil {
			own = append(own, "wallets bytea")
		}
		columns := append(slices.Clone(own), "member_id bigint")
		if err := b.tx.Later("adding to facts", "update facts set "+assign(own, "r")+" from "+b.tx.Wide(columns...)+" where facts.member_id = r.member_id",
			b.tx.Wider(changed, columns...)); err != nil {
			return err
		}
	}
	if fresh == nil {
		return nil
	}
	columns := append(own, "wallets bytea", "tier_at timestamptz", "member_id bigint", "country text", "language text", "birthday bigint", "birth_year bigint")
	rest, none := "joined, consent_offers, consent_newsletter, consent_program", "false, false, false, false"
	if !b.shop.keepsPoints {
		rest, none = rest+", points", none+", 0"
	}
	return b.tx.Later("adding facts", "insert into facts ("+names(columns, "")+", "+rest+") select "+names(columns, "r.")+", "+none+" from "+b.tx.Wide(columns...),
		b.tx.Wider(fresh, columns...))
}

// readStandings reads what facts say of people, whose rows are locked: before that it might
// be overtaken. Of who is not locked then it takes no note.
func (b *batch) readStandings(list []*person) error {
	if len(list) == 0 {
		return nil
	}
	return b.tx.Each(`
		select member_id, tier, tier_at, wallets, `+names(pointColumns, "")+`, `+names(standingColumns, "")+`
		from   facts
		where  member_id in (select value from `+b.tx.JSONEach("@ids")+`)`, store.Args{"ids": ids(list, (*person).number)}, func(scan func(...any) error) error {
		var id int64
		s := &standing{}
		if err := scan(&id, &s.tier, &s.tierAt, &s.wallets, &s.points, &s.pending, &s.ends, &s.orders, &s.orderDays, &s.spent, &s.quantity, &s.largest, &s.smallest, &s.firstDay, &s.lastDay, &s.usualGap, &s.packed); err != nil {
			return err
		}
		who := b.people.byID[id]
		if !who.locked {
			return nil
		}
		who.standing = s
		who.member.Orders, who.member.Spent, who.member.Points = s.orders, s.spent, s.points
		return nil
	})
}

// unpackDays has the days of people's orders at hand: from the orders themselves, those of
// the batch among them, where facts do not have them. It returns of whom that is.
func (b *batch) unpackDays(people []*person) (dayless map[int64]*standing, err error) {
	dayless = map[int64]*standing{}
	for _, who := range people {
		if s := who.standing; s != nil && !s.unpacked {
			s.unpacked = true
			if !s.unpack() {
				s.days, s.spentOn = nil, nil
				dayless[who.id] = s
			}
		}
	}
	if len(dayless) == 0 {
		return nil, nil
	}
	err = b.tx.Each(`
		select member_id, day, cast(sum(total - refunded) as bigint)
		from   orders
		where  member_id in (select value from `+b.tx.JSONEach("@ids")+`) and counts and day <= @today
		group  by member_id, day
		order  by member_id, day`, store.Args{"ids": store.IDs(slices.Sorted(maps.Keys(dayless))), "today": int64(b.today())}, func(scan func(...any) error) error {
		var id, day, spent int64
		err := scan(&id, &day, &spent)
		if err == nil {
			dayless[id].know(loyalty.Day(day), spent)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the days of the orders of %d members: %w", len(dayless), err)
	}
	return dayless, nil
}

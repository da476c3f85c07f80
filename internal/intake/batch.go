package intake

import (
	"slices"
	"strings"
	"time"

	"regulars/internal/consent"
	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/store"
)

// item is one event, or one order or member of a file, on its way in.
type item struct {
	Row
	stated bool // a row of a file that says how things are now, and no event

	who     *person
	told    *loyalty.Event // what the event means, when that is not what it says
	follows *item          // names the person of an event that names nobody: both tell of one order

	order  *order
	states *statement // what the event says of it, once that was looked at
	event  int64      // events.id
	news   bool       // may set campaigns off
	shared bool       // several have that by which it names somebody
	joined bool       // by this the person joined just now
	asked  bool       // by this the person asked to join, and has yet to confirm it
	mail   bool       // … and is to get a mail that asks
	late   bool       // a newer event lists the codes of its order
	past   bool       // of the time before the program: what follows waits for the end of the import
	moved  bool       // by this a member came to another address, and has yet to confirm it
	before happenings.Measured
	out    bool // refused, or known already, or left out

	beside []*item // those of the same delivery, this one among them
	busy   bool    // left out: somebody else has locked a member of its delivery
}

// about reports whether the event states something of an order.
func (r *Row) about() bool { return r.Order != nil && slices.Contains(aboutOrders, r.Type) }

// ofMembers reports whether the item is a row of a members file, which says how
// people are now.
func (it *item) ofMembers() bool { return it.stated && it.Order == nil }

// batch takes items in, in one transaction.
type batch struct {
	tx    *store.Tx
	shop  Shop
	mode  Mode
	file  bool // the items are of a file, not events
	skip  bool // whoever is locked by somebody else is left out, not waited for
	grown bool // the tables have grown by much since the planner looked at them

	items    []*item
	people   *people
	sources  sources
	found    []*order              // in the table, of those that were asked for
	orders   map[orderKey][]*order // several where each door once had keys of its own
	figures  []loyalty.Figure      // to be counted from order lines, or from the ledger of points
	disowned []int64               // members whose order is now somebody else's

	reckoned   []int64        // orders that returns were taken off, or no longer
	unreturned []int64        // members of whom a return may be none any more
	returning  map[int64]bool // members with returns, of whom any order may have changed

	named     map[string]int64 // by who brought a member, as an item names them
	booked    points.Booked    // in the ledger, and yet to be added to facts
	referrers map[int64]bool   // who brought members of the batch; locked
	were      rising           // … with their figures before the wave
	repaid    points.Followed  // those of them for whom the wave changed something

	claims map[storedClaim]string // as JSON

	fresh []orderKey // orders that the batch makes
	early []orderKey // orders to come, for which it keeps events
}

// newBatch begins a batch, by the shop of the moment.
func (in *Intake) newBatch(tx *store.Tx, mode Mode, pepper []byte) (*batch, error) {
	if err := tx.ByKeptPlans(); err != nil {
		return nil, err
	}
	shop, err := readShop(tx, pepper)
	if err == nil {
		err = shop.rephone(tx)
	}
	return &batch{tx: tx, shop: shop, mode: mode}, err
}

// add puts an event into the batch, unless it is refused.
func (b *batch) add(it *item) {
	if wrong := b.shop.check(&it.Row); wrong != nil {
		b.refuse(it, wrong.Field, wrong.Reason)
		return
	}
	it.news = b.mode != History && b.tx.At.Sub(it.At.Time) <= b.shop.NewsWithin
	b.items = append(b.items, it)
}

func (b *batch) refuse(it *item, field, reason string) {
	it.Result, it.out = Result{State: Refused, Field: field, Reason: reason}, true
}

// left drops what is refused or known.
func (b *batch) left() {
	b.items = slices.DeleteFunc(b.items, func(it *item) bool { return it.out })
}

// take takes the items in, in the sequence in which things happened: who each is
// about, what is new, what it changes and what that sets off; then what was told
// before of the orders that they tell of.
func (b *batch) take() error {
	for _, step := range []func() error{
		b.nameSources,
		b.dropTwins,
		b.findPeople,
		b.makePeople,
		b.lock,
		b.askOrders, // with the next
		// Whoever stores an event holds the lock on its person: from here on nobody
		// else can be storing ours.
		b.dropKnown,
		b.readOrders,
		b.keepApart,
		b.profiles,
		b.takeWaves,
	} {
		if err := step(); err != nil {
			return err
		}
		if len(b.items) == 0 {
			break
		}
	}
	return b.takeEarly()
}

// dropTwins puts the items into sequence, and answers events that stand among them a
// second time. Of two at one moment the order of arrival decides.
func (b *batch) dropTwins() error {
	slices.SortStableFunc(b.items, func(x, y *item) int { return x.At.Compare(y.At.Time) })
	type id struct{ source, id string }
	seen := make(map[id]*item, len(b.items))
	for _, it := range b.items {
		k := id{it.Source, it.Event.ID}
		first := seen[k]
		switch {
		case first == nil:
			seen[k] = it
		case first.Type == it.Type && first.orderNumber() == it.orderNumber() && (it.orderNumber() != "" || first.Member.ID == it.Member.ID):
			it.known()
		default:
			b.refuse(it, "id", "is the id of another event beside it, "+first.Type)
		}
	}
	b.left()
	return nil
}

func (it *item) orderNumber() string {
	if it.Order == nil {
		return ""
	}
	return it.Order.ID
}

func (it *item) known() { it.Result, it.out = Result{State: Duplicate}, true }

// dropKnown answers events that are stored already. On the way it makes sure that
// the shop's zone is still the one that we compute days in.
func (b *batch) dropKnown() error {
	keys := make([]orderKey, len(b.items))
	for i, it := range b.items {
		keys[i] = orderKey{it.Source, it.Event.ID}
	}
	known := map[orderKey][]knownEvent{}
	err := b.tx.Each(`
		select false as zone, e.source, e.external_id, e.type, e.at, coalesce(o.external_id, '') as number,
		       case when m.named and m.erased_at is null and m.merged_into is null then m.external_id else '' end as member
		from   `+b.tx.Wide(orderKeyColumns...)+`
		join   events e on e.source = r.source and e.external_id = r.id
		join   members m on m.id = e.member_id
		left   join orders o on o.id = e.order_id
		union  all
		select true, '', value, '', null, '', '' from settings where key = '`+store.SettingZone+`'`, b.tx.Wider(b.sources.rows(keys), orderKeyColumns...), func(scan func(...any) error) error {
		var f knownEvent
		var zone bool
		if err := scan(&zone, &f.Source, &f.ExternalID, &f.Type, &f.At, &f.Number, &f.Member); err != nil {
			return err
		}
		if zone && f.ExternalID != b.shop.Zone.String() { // changed while we waited for a lock: see Rezone
			return errAgain
		}
		if !zone {
			k := b.sources.key(f.Source, f.ExternalID)
			known[k] = append(known[k], f)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, it := range b.items {
		for _, f := range known[orderKey{it.Source, it.Event.ID}] {
			if f.tells(it) {
				it.known()
			}
		}
		for _, f := range known[orderKey{it.Source, it.Event.ID}] {
			if !it.out && f.Source == it.Source {
				b.refuse(it, "id", "is the id of another event that came before, "+f.String()+
					": where two systems number their events alike, name the source of one, by ?source= or a token with a source of its own")
			}
		}
	}
	b.left()
	return nil
}

// knownEvent is an event that is stored.
type knownEvent struct {
	Source, ExternalID string
	Type               string
	At                 loyalty.Instant
	Number             string // of its order
	Member             string // the shop's id of its member, "" for none
}

// tells reports whether the stored event is the item, delivered again.
func (f knownEvent) tells(it *item) bool {
	other := it.Order != nil && f.Number != "" && it.Order.ID != "" && it.Order.ID != f.Number
	another := f.Number == "" && f.Member != "" && it.Member.ID != "" && it.Member.ID != f.Member && !f.At.Equal(it.At.Time)
	return f.Type == it.Type && !other && !another
}

func (f knownEvent) String() string {
	s := f.Type + " at " + f.At.Format(time.RFC3339)
	if f.Number != "" {
		s += " of order " + f.Number
	}
	return s
}

// takeWaves parts the items, which are in sequence, so that no wave has two of the same
// person or of the same order: what one event changes is then what a wave
// changed, and a wave is a handful of statements however many it has.
func (b *batch) takeWaves() (err error) {
	if b.figures, err = happenings.Figures(b.tx); err != nil {
		return err
	}
	var waves [][]*item
	people, orders := make(map[*person]int, len(b.items)), make(map[*order]int, len(b.items))
	for _, it := range b.items {
		n := people[it.who]
		if it.order != nil {
			n = max(n, orders[it.order])
			orders[it.order] = n + 1
		}
		people[it.who] = n + 1
		if n == len(waves) {
			waves = append(waves, nil)
		}
		waves[n] = append(waves[n], it)
	}
	for _, wave := range waves {
		if err := b.takeWave(wave); err != nil {
			return err
		}
	}
	return nil
}

// takeWave takes in items of which no two touch the same person or order.
func (b *batch) takeWave(wave []*item) error {
	for _, step := range []func([]*item) error{
		b.measureBefore,
		b.saveOrders,
		b.savePoints,
		b.saveEvents,
		b.redeem,
		b.ask,
		b.book,
		b.setOff,
	} {
		if err := step(wave); err != nil {
			return err
		}
	}
	return nil
}

// savePoints keeps what was said about points.
func (b *batch) savePoints(wave []*item) error {
	var rows [][]any
	for _, it := range wave {
		if p := it.Points; p != nil {
			rows = append(rows, []any{it.who.id, it.At, loyalty.DayOf(it.At.Time, b.shop.Zone), p.Balance, p.Delta})
		}
	}
	if rows == nil {
		return nil
	}
	return b.tx.Later("keeping points", `
		insert into point_changes (member_id, at, day, balance, delta)
		select r.member_id, r.at, r.day, r.balance, r.delta
		from   `+b.tx.Values("member_id bigint", "at timestamptz", "day bigint", "balance bigint", "delta bigint")+`
		order  by r.member_id`, store.Args{"rows": store.Rows(rows)})
}

// answers gathers what the members of items said about topics and what stands.
func answers(items []*item, zone *time.Location) []consent.Answer {
	var all []consent.Answer
	for _, it := range items {
		all = append(all, slices.DeleteFunc(said(it, zone), it.waits)...)
	}
	return all
}

// said is what the member of an item said about topics. Of a day without a time a
// yes counts from its beginning in zone, the shop's, and a no to its end: whatever
// moment of that day says no stands over the yes.
func said(it *item, zone *time.Location) []consent.Answer {
	var all []consent.Answer
	m := it.Member
	for _, topic := range consent.Topics() {
		granted, said := m.Consent[topic]
		if !said {
			continue
		}
		source := m.ConsentSource
		if source == "" {
			source = it.Via
		}
		at := m.ConsentAt
		switch {
		case m.ConsentDay == 0:
		case granted:
			at = loyalty.At(loyalty.Wall(m.ConsentDay, 0, 0, zone))
		default:
			at = loyalty.At(loyalty.Wall(m.ConsentDay+1, 0, 0, zone)).Plus(-time.Microsecond)
		}
		all = append(all, consent.Answer{Member: it.who.id, Topic: topic, Granted: granted,
			How: consent.How{At: at, Heard: it.At, Source: source, Said: m.ConsentText, History: !it.news}})
	}
	return all
}

// ids is the JSON array for tx.JSONEach.
func ids[T any](list []T, id func(T) int64) string {
	numbers := make([]int64, len(list))
	for i, v := range list {
		numbers[i] = id(v)
	}
	return store.JSON(numbers)
}

// assign is what an update sets of columns, each a name and a type, to those of a table.
func assign(columns []string, table string) string {
	sets := make([]string, len(columns))
	for i, c := range columns {
		name, _, _ := strings.Cut(c, " ")
		sets[i] = name + " = " + table + "." + name
	}
	return strings.Join(sets, ", ")
}

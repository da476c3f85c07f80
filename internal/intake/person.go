package intake

import (
	"fmt"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Kinds of keys that a person is found by. A key of kind made says of what alone
// somebody was made who has neither the shop's id nor a source's: it is what
// keeps two transactions from making the same person twice.
const (
	keyID     = "id"
	keyEmail  = "email"
	keyPhone  = "phone"
	keyCard   = "card"
	keySource = "source:"
	keyMade   = "made"
	keyShared = "shared" // as made, of what several others have: status counts them
)

type personKey struct{ kind, value string }

// person is somebody that this transaction deals with.
type person struct {
	id          int64           // 0: to be made
	external    string          // "": to be made up
	named       bool            // external is the shop's own id
	loose       loose           // the address, card and phone that they have now
	since       loyalty.Instant // when that was said
	fingerprint []byte          // of the last imported row
	member      member          // read when locked
	locked      bool
	held        bool // locked in the database, where what was read of them is all that is needed
	silent      bool // nothing is said of them but by what they are known, and no more of their row is read
	renamed     bool
	adds        []personKey
	drops       []personKey
	retagged    bool
	made        bool      // by this batch: nobody knew them before
	profiled    bool      // this batch changes what is known of the person
	standing    *standing // what facts say of their orders; nil: not read, computed since, or there are none
	factless    bool      // the day before which nobody knew them is still to come
	tags        []string
}

// loose are the keys of somebody that others may have, too.
type loose struct{ email, phone, card string }

// of is the one of a kind.
func (l *loose) of(kind string) *string {
	switch kind {
	case keyEmail:
		return &l.email
	case keyPhone:
		return &l.phone
	}
	return &l.card
}

// ErasedName begins the name of somebody who was erased.
const ErasedName = "erased:"

// erased reports whether what comes in is about somebody who was erased: a change of an
// order of theirs that names nobody.
func (who *person) erased() bool { return !who.named && strings.HasPrefix(who.external, ErasedName) }

// holders are those who have a key: how many, and one of them. Addresses, cards
// and phones may have several.
type holders struct {
	n   int
	one *person
}

// people finds persons by their keys: those of the database and those that the
// batch itself brings.
type people struct {
	byKey map[personKey]*holders
	byID  map[int64]*person
	made  []*person
}

// findPeople says who each item is about; those whom nobody knows yet are noted
// to be made. For an event that is stored already nobody is: its person may have
// been erased.
func (b *batch) findPeople() error {
	for checked := false; ; checked = true {
		b.people = &people{byKey: make(map[personKey]*holders, len(b.items)), byID: make(map[int64]*person, len(b.items))}
		if err := b.lookUp(b.items); err != nil {
			return err
		}
		if err := b.awaitOthers(); err != nil {
			return err
		}
		if err := b.owners(); err != nil {
			return err
		}
		for _, it := range b.items {
			if it.who == nil && it.follows == nil {
				it.who = b.people.resolve(it)
			}
		}
		for _, it := range b.items {
			if it.who == nil {
				it.who = it.follows.who
			}
		}
		if len(b.people.made) == 0 || checked || b.file {
			break
		}
		n := len(b.items)
		if err := b.dropKnown(); err != nil || len(b.items) == 0 {
			return err
		}
		if len(b.items) == n {
			break
		}
		for _, it := range b.items {
			it.who = nil
		}
	}
	return nil
}

// awaitOthers waits for whoever is making people by the addresses, cards and phones of
// those whom nobody knows yet, and looks for them again: one person whom two webhooks tell of at
// once is made once. By their ids the database keeps them apart. A file does not wait,
// nor is waited for: it tells of thousands at a time.
func (b *batch) awaitOthers() error {
	names := map[string]bool{}
	var unknown []*item
	for _, it := range b.items {
		if loose := it.loose(); len(loose) > 0 && b.people.find(it) == nil {
			unknown = append(unknown, it)
			for _, k := range loose {
				names[k.kind+":"+k.value] = true
			}
		}
	}
	if len(names) == 0 || b.file || !b.tx.Postgres() {
		return nil
	}
	if err := b.tx.LockEach("people", names); err != nil {
		return err
	}
	return b.lookUp(unknown)
}

// lookUp reads who has the keys of items. Who has the address, card or phone of somebody
// who is found by their id, and has them themselves, is of no account.
func (b *batch) lookUp(items []*item) error {
	if err := b.readKeys(items, (*Row).firm, oneHolder); err != nil {
		return err
	}
	var rest []*item
	for _, it := range items {
		who := b.people.find(it)
		if slices.ContainsFunc(it.loose(), func(k personKey) bool { return who == nil || *who.loose.of(k.kind) != k.value }) {
			rest = append(rest, it)
		}
	}
	return b.readKeys(rest, (*Row).vague, severalHolders)
}

// readKeys reads who has some keys of items.
func (b *batch) readKeys(items []*item, keys func(*Row) []personKey, held string) error {
	wanted := make(map[personKey]bool, len(items))
	var rows [][]any
	for _, it := range items {
		for _, k := range keys(&it.Row) {
			if !wanted[k] {
				wanted[k] = true
				rows = append(rows, []any{k.kind, k.value})
			}
		}
	}
	if rows == nil {
		return nil
	}
	if err := b.readHolders(rows, held); err != nil {
		return fmt.Errorf("finding people: %w", err)
	}
	return nil
}

var keyColumns = []string{"kind text", "value text"}

// The holders k of keys r, as a table: of firm ones there is one, and of others one of them
// with how many there are.
const (
	oneHolder      = "(select r.kind, r.value, k.member_id, 1 as n from $keys join member_keys k on k.kind = r.kind and k.value = r.value) k"
	severalHolders = "(select k.kind, k.value, min(k.member_id) as member_id, count(*) as n from $keys join member_keys k on k.kind = r.kind and k.value = r.value group by k.kind, k.value) k"
)

// readHolders reads who has the keys of rows. Of a file that says nothing of people but
// who they are it locks them, in the order of their ids.
func (b *batch) readHolders(keys [][]any, held string) error {
	hold, inTurn := b.allSilent(), ""
	if hold {
		inTurn = "order by m.id " + b.tx.ForUpdateOf("m")
	}
	return b.tx.Each(`
		select k.kind, k.value, k.n, m.id, m.external_id, m.named, m.merged_into is not null, m.email, m.phone, m.card, m.changed_at, m.fingerprint
		from   `+strings.Replace(held, "$keys", b.tx.Wide(keyColumns...), 1)+`
		join   members m on m.id = k.member_id
		`+inTurn, b.tx.Wider(keys, keyColumns...), func(scan func(...any) error) error {
		var k personKey
		var n int
		var id int64
		var name, email, phone, card string
		var named, merged bool
		var changed loyalty.Instant
		var fingerprint []byte
		if err := scan(&k.kind, &k.value, &n, &id, &name, &named, &merged, &email, &phone, &card, &changed, &fingerprint); err != nil {
			return err
		}
		if hold && merged { // while we waited
			return errAgain
		}
		who := b.people.known(id, name, named)
		who.held = hold
		who.loose = loose{strings.ToLower(email), loyalty.FoldPhone(phone), card}
		who.since, who.fingerprint = b.heard(changed), fingerprint
		b.people.byKey[k] = &holders{n, who}
		return nil
	})
}

// owners finds the people of events that name nobody, by their order. What tells
// of an order that nobody knows yet is kept until it comes.
func (b *batch) owners() error {
	if err := b.nameSources(); err != nil {
		return err
	}
	if !slices.ContainsFunc(b.items, func(it *item) bool { return it.nameless() }) {
		return nil
	}
	var keys []orderKey
	var nameless, early []*item
	named := map[orderKey]*item{} // by the order that they tell of
	for _, it := range b.items {
		ordered := it.Order != nil && it.Order.ID != ""
		if !it.nameless() {
			if ordered && it.about() {
				named[orderKey{it.Source, it.Order.ID}] = it
			}
			continue
		}
		nameless = append(nameless, it)
		if ordered {
			keys = append(keys, orderKey{it.Source, it.Order.ID})
		}
	}
	var found []struct {
		Source, ExternalID string // of the order
		ID                 int64
		Name               string
		Named              bool
	}
	err := b.tx.All(&found, `
		select o.source, o.external_id, m.id, m.external_id as name, m.named
		from   `+b.tx.Values("source text", "id text")+`
		join   orders o  on o.source = r.source and o.external_id = r.id
		join   members m on m.id = o.member_id`, store.Args{"rows": store.Rows(b.sources.rows(keys))})
	if err != nil {
		return fmt.Errorf("finding the owners of orders: %w", err)
	}
	owner := map[orderKey]*person{}
	several := map[orderKey]bool{}
	for _, f := range found {
		k := b.sources.key(f.Source, f.ExternalID)
		several[k] = several[k] || owner[k] != nil && owner[k].id != f.ID
		owner[k] = b.people.known(f.ID, f.Name, f.Named)
	}
	for _, it := range nameless {
		var k orderKey
		if it.Order != nil {
			k = orderKey{it.Source, it.Order.ID}
		}
		switch it.follows = named[k]; {
		case several[k]:
			b.refuse(it, "member", "says nobody, and "+ErrSeveral.Error()+": name the member")
		case owner[k] != nil:
			it.who = owner[k]
		case it.follows != nil:
		case it.about() && it.Type != loyalty.OrderPlaced:
			early = append(early, it)
		default:
			b.refuse(it, "member", "says nobody: give an id, one of ids, an email, a card or a phone")
		}
	}
	if err := b.keepEarly(early); err != nil {
		return err
	}
	b.left()
	return nil
}

// known returns a person of the database, the same for each key.
func (p *people) known(id int64, external string, named bool) *person {
	if p.byID[id] == nil {
		p.byID[id] = &person{id: id, external: external, named: named}
	}
	return p.byID[id]
}

// resolve finds the person of an item, or notes one to be made, and what more the
// item lets them be found by.
func (p *people) resolve(it *item) *person {
	who := p.find(it)
	if who == nil {
		who = p.make(it)
	}
	p.share(who, it)
	m := it.Member
	if m.ID != "" && !who.named {
		who.external, who.named, who.renamed = m.ID, true, true
		p.learn(who, personKey{keyID, m.ID})
	}
	for source, id := range m.IDs {
		p.learn(who, personKey{keySource + source, id})
	}
	p.adopt(who, it)
	return who
}

// share notes that the only thing by which an item names somebody is what several
// have: nobody can tell whom it means, so it is of somebody of its own.
func (p *people) share(who *person, it *item) {
	if it.Member.ID != "" || len(it.Member.IDs) > 0 || !it.about() {
		return
	}
	for _, k := range it.loose() {
		h, made := p.byKey[k], p.byKey[k.made()]
		if h == nil || h.n < 2 || it.shared || !who.made && (made == nil || made.one != who) {
			continue
		}
		it.shared = true
		it.Note("member."+k.kind, "%d members have it, so the order is taken as of somebody else who is known by nothing more: send the member's id", h.n)
		p.learn(who, k.shared())
	}
}

// adopt lets somebody be found, by the items that follow, by the address, card
// and phone that they have after this one. Writing them is merge's.
func (p *people) adopt(who *person, it *item) {
	newer := it.ofMembers() || !it.At.Before(who.since.Time)
	for _, k := range it.loose() {
		have := personKey{k.kind, *who.loose.of(k.kind)}
		if have == k || have.value != "" && !newer {
			continue
		}
		if h := p.byKey[have]; h != nil {
			if h.n--; h.one == who && h.n > 0 {
				h.n = 2 // somebody else still has it, but we have not read who
			}
			delete(p.byKey, have.made())
		}
		if h := p.byKey[k]; h == nil || h.n == 0 {
			p.byKey[k] = &holders{1, who}
		} else {
			h.n++
		}
		*who.loose.of(k.kind) = k.value
	}
	who.since = later(who.since, it.At)
}

// find goes by the shop's id, then the sources', then the address if exactly one
// person has it. Only somebody who comes without all of these is looked for by
// card and by phone.
func (p *people) find(it *item) *person {
	m := it.Member
	if h := p.byKey[personKey{keyID, m.ID}]; h != nil && m.ID != "" {
		return h.one
	}
	for _, source := range inOrder(m.IDs) {
		if h := p.byKey[personKey{keySource + source, m.IDs[source]}]; h != nil && h.one.mayBe(m) {
			return h.one
		}
	}
	if h := p.byKey[personKey{keyEmail, it.folded}]; h != nil && h.n == 1 && h.one.mayBe(m) {
		return h.one
	}
	if m.ID != "" || len(m.IDs) > 0 {
		return nil
	}
	for _, k := range it.loose() {
		if h := p.byKey[k.made()]; h != nil {
			return h.one
		}
		if h := p.byKey[k]; h != nil && h.n == 1 && it.folded == "" {
			return h.one
		}
	}
	return nil
}

// mayBe reports whether the shop has not told us that this is somebody else.
func (who *person) mayBe(m loyalty.Member) bool {
	return m.ID == "" || !who.named || who.external == m.ID
}

// make notes a person to be made.
func (p *people) make(it *item) *person {
	m := it.Member
	who := &person{external: m.ID, named: m.ID != "", made: true}
	who.member = member{ChangedAt: it.At, Attributes: "{}"}
	p.made = append(p.made, who)
	keys := it.keys()
	switch {
	case m.ID != "":
		p.learn(who, keys[0])
	case len(m.IDs) > 0:
		who.external = strings.TrimPrefix(keys[0].kind, keySource) + ":" + keys[0].value
	default: // the first is vague, and followed by its made
		p.learn(who, keys[1])
	}
	return who
}

// learn notes a key that can be only one person's. One that is another's already
// stays with them.
func (p *people) learn(who *person, k personKey) {
	if p.byKey[k] == nil {
		p.byKey[k] = &holders{1, who}
		who.add(k)
	}
}

// add and drop note a change of what the person is found by; of both, the last.
func (who *person) add(k personKey) { who.adds, who.drops = append(who.adds, k), without(who.drops, k) }
func (who *person) drop(k personKey) {
	who.drops, who.adds = append(who.drops, k), without(who.adds, k)
}

func without(keys []personKey, k personKey) []personKey {
	return slices.DeleteFunc(keys, func(have personKey) bool { return have == k })
}

package intake

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"

	"regulars/internal/consent"
	"regulars/internal/store"
)

// makePeople adds those whom nobody knew, with all that the batch says of them,
// in the order of their names: two transactions that make the same people then
// wait for each other instead of locking each other out.
func (b *batch) makePeople() error {
	made := b.people.made
	if len(made) == 0 {
		return nil
	}
	for _, it := range b.items {
		if it.who.id == 0 {
			b.merge(it)
		}
	}
	byName := map[string]*person{}
	var rows [][]any
	for _, who := range made {
		m := &who.member
		m.ExternalID, m.Named, who.locked = who.external, who.named, true
		if m.ExternalID == "" {
			m.ExternalID = fmt.Sprintf("regulars:?%016x", rand.Uint64()) // until there is an id to be known by
		}
		byName[m.ExternalID] = who
		rows = append(rows, m.values())
	}
	var stored []struct {
		ID         int64
		ExternalID string
	}
	err := b.tx.All(&stored, `
		insert into members (`+names(profile, "")+`, created_at)
		select `+names(profile, "r.")+`, `+b.tx.Instant("@now")+`
		from   `+b.tx.Values(profile...)+`
		order  by r.external_id
		returning id, external_id`, store.Args{"rows": store.Rows(rows), "now": b.tx.At})
	if err != nil {
		return fmt.Errorf("making %d people: %w", len(rows), err)
	}
	var nameless []*person
	for _, s := range stored {
		who := byName[s.ExternalID]
		who.id, who.member.ID, who.standing = s.ID, s.ID, newcomer()
		b.people.byID[s.ID] = who
		if who.external == "" {
			who.external = fmt.Sprintf("regulars:%d", s.ID)
			who.member.ExternalID = who.external
			nameless = append(nameless, who)
		}
	}
	if err := b.nameNameless(nameless); err != nil {
		return err
	}
	return b.saveKeys(made)
}

func (b *batch) nameNameless(list []*person) error {
	if len(list) == 0 {
		return nil
	}
	return b.tx.Later("naming people", "update members set external_id = 'regulars:' || id where id in (select value from "+b.tx.JSONEach("@ids")+")",
		store.Args{"ids": ids(list, (*person).number)})
}

func (who *person) number() int64 { return who.id }

// lock locks the people whom the batch is about, in the order of their ids, and
// reads what is known of them.
func (b *batch) lock() error {
	var list []*person
	for who := range b.touched() {
		list = append(list, who)
	}
	if err := b.lockReferrers(list); err != nil {
		return err
	}
	return b.lockThese(list)
}

func (b *batch) lockThese(list []*person) error {
	list = slices.DeleteFunc(list, func(who *person) bool { return who.locked })
	if b.file {
		var err error
		if list, err = b.lockSilent(list); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return nil
	}
	n := 0
	var row member
	into := append(append([]any{&row.ID}, row.places()...), &row.MergedInto)
	err := b.tx.EachLater(fmt.Sprintf("locking %d people", len(list)), `
		select id, `+names(profile, "")+`, merged_into
		from   members
		where  id in (select value from `+b.tx.JSONEach("@ids")+`)
		order  by id `+b.forUpdate(), store.Args{"ids": ids(list, (*person).number)}, func(scan func(...any) error) error {
		row = member{}
		if err := scan(into...); err != nil {
			return err
		}
		n++
		who := b.people.byID[row.ID]
		name, named := row.ExternalID, row.Named
		if who.renamed && !named { // not yet: that is ours to do
			name, named = who.external, who.named
		}
		if row.MergedInto != nil || name != who.external || named != who.named {
			return errAgain
		}
		row.ChangedAt = b.heard(row.ChangedAt)
		who.member, who.locked = row, true
		return nil
	})
	if err != nil {
		return err
	}
	if err := b.measureLocked(list); err != nil {
		return err
	}
	switch {
	case n == len(list):
		return nil
	case !b.skip:
		return errAgain
	}
	busy := map[*person]bool{}
	for _, who := range list {
		busy[who] = !who.locked
	}
	return b.leaveOut(busy)
}

// measureLocked has the list locked, and reads the figures of those who are: of a file,
// what its orders add to is read when they are there.
func (b *batch) measureLocked(list []*person) error {
	if b.file {
		return b.tx.Await()
	}
	if b.shop.tiers != nil {
		if err := b.tx.Await(); err != nil {
			return err
		}
		var members []int64
		for _, who := range list {
			if who.locked {
				members = append(members, who.id)
			}
		}
		if err := b.shop.tiers.TellFirst(b.tx, members); err != nil {
			return err
		}
	}
	if err := b.readStandings(list); err != nil {
		return fmt.Errorf("reading the figures of %d people: %w", len(list), err)
	}
	for _, who := range list {
		who.factless = who.locked && who.standing == nil
	}
	return nil
}

// says reports whether an item says more of its member than which ids they have.
func (it *item) says() bool {
	m := &it.Member
	texts := m.Email != "" || m.Phone != "" || m.Card != "" || m.FirstName != "" || m.LastName != "" || m.Language != "" ||
		m.Country != "" || m.TimeZone != "" || m.Birthday != "" || m.ReferredBy != "" || m.ConsentSource != "" || m.ConsentText != ""
	return texts || m.Tags != nil || m.Joined != nil || !m.JoinedAt.IsZero() || m.Consent != nil || m.Attributes != nil
}

// allSilent reports whether a batch is of a file of orders that says nothing of people but
// by what they are known, and locks nobody else.
func (b *batch) allSilent() bool {
	return b.file && b.shop.points == nil && !slices.ContainsFunc(b.items, func(it *item) bool { return it.Order == nil || it.says() })
}

// lockSilent locks all of a file, and returns those whose rows are to be read: of whom
// an item says more than by what they are known.
func (b *batch) lockSilent(list []*person) (rest []*person, err error) {
	says := map[*person]bool{}
	for _, it := range b.items {
		if it.Order == nil || it.says() {
			says[it.who] = true
		}
	}
	var silent []*person
	for _, who := range list {
		switch {
		case says[who] || who.renamed:
			rest = append(rest, who)
		case who.held:
			who.hush(who.id, who.external, who.named)
		default:
			silent = append(silent, who)
		}
	}
	if len(silent) == 0 {
		return rest, nil
	}
	n := 0
	err = b.tx.Each(`
		select id, external_id, named, merged_into is not null
		from   members
		where  id in (select value from `+b.tx.JSONEach("@ids")+`)
		order  by id `+b.tx.ForUpdate(), store.Args{"ids": ids(list, (*person).number)}, func(scan func(...any) error) error {
		var id int64
		var name string
		var named, merged bool
		if err := scan(&id, &name, &named, &merged); err != nil {
			return err
		}
		n++
		switch who := b.people.byID[id]; {
		case says[who] || who.renamed: // the rest of their rows says whether they are the same
		case merged || name != who.external || named != who.named:
			return errAgain
		default:
			who.hush(id, name, named)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("locking %d people: %w", len(list), err)
	}
	if n != len(list) {
		return nil, errAgain
	}
	return rest, nil
}

// hush notes that a person is locked, and that nothing more is said of them.
func (who *person) hush(id int64, name string, named bool) {
	who.member.ID, who.member.ExternalID, who.member.Named = id, name, named
	who.locked, who.silent = true, true
}

// forUpdate locks the rows that are read, or leaves those of others out.
func (b *batch) forUpdate() string {
	lock := b.tx.ForUpdate()
	if lock != "" && b.skip {
		lock += " skip locked"
	}
	return lock
}

// profiles writes what the items say of people, beside their orders and points.
// Those made by this batch have it already.
func (b *batch) profiles() error {
	made := map[*person]bool{}
	for _, who := range b.people.made {
		made[who] = true
	}
	was := make(map[*person]*member, len(b.items))
	var touched, rekeyed []*person
	for _, it := range b.items {
		if made[it.who] {
			continue
		}
		if it.who.silent {
			if len(it.who.adds)+len(it.who.drops) > 0 {
				rekeyed = append(rekeyed, it.who)
			}
			continue
		}
		if _, seen := was[it.who]; !seen {
			before := it.who.member
			was[it.who] = &before
			touched = append(touched, it.who)
		}
		b.merge(it)
	}
	var changed, heard []*person
	for _, who := range touched {
		who.profiled = who.retagged
		if who.renamed {
			who.member.ExternalID, who.member.Named = who.external, who.named
		}
		before := was[who]
		heardBefore := before.ChangedAt
		before.ChangedAt = who.member.ChangedAt
		switch {
		case !reflect.DeepEqual(before, &who.member):
			changed = append(changed, who)
			who.profiled = who.profiled || !before.says(who.member)
		case !heardBefore.Equal(who.member.ChangedAt.Time): // of most who order that is all
			heard = append(heard, who)
		}
	}
	for _, it := range b.items {
		it.who.profiled = it.who.profiled || len(it.Member.Consent) > 0
	}
	if err := b.noteHeard(heard); err != nil {
		return err
	}
	if err := b.updatePeople(changed); err != nil {
		return err
	}
	if err := b.saveKeys(append(rekeyed, touched...)); err != nil {
		return err
	}
	if err := b.saveTags(append(touched, b.people.made...)); err != nil {
		return err
	}
	if err := consent.Inherit(b.tx, readdressed(b.people.made, changed, was)); err != nil {
		return err
	}
	return consent.SetAll(b.tx, answers(b.items, b.shop.Zone))
}

// readdressed are the people who have come to an address by this batch.
func readdressed(made, changed []*person, was map[*person]*member) (list []int64) {
	for _, who := range made {
		if who.member.EmailKey != nil {
			list = append(list, who.id)
		}
	}
	for _, who := range changed {
		if now := who.member.EmailKey; now != nil && !bytes.Equal(now, was[who].EmailKey) {
			list = append(list, who.id)
		}
	}
	return list
}

// noteHeard notes when people were heard of last.
func (b *batch) noteHeard(list []*person) error {
	if len(list) == 0 {
		return nil
	}
	rows := make([][]any, len(list))
	for i, who := range list {
		rows[i] = []any{who.id, who.member.ChangedAt}
	}
	columns := []string{"id bigint", "changed_at timestamptz"}
	return b.tx.Later(fmt.Sprintf("noting when %d people were heard of", len(list)),
		"update members set changed_at = r.changed_at from "+b.tx.Wide(columns...)+" where members.id = r.id", b.tx.Wider(rows, columns...))
}

// updatePeople writes what has changed of people.
func (b *batch) updatePeople(list []*person) error {
	if len(list) == 0 {
		return nil
	}
	rows := make([][]any, len(list))
	for i, who := range list {
		rows[i] = append(who.member.values(), who.id)
	}
	return b.tx.Later(fmt.Sprintf("changing %d people", len(list)), `
		update members
		set    `+assign(profile, "r")+`
		from   `+b.tx.Values(append(slices.Clone(profile), "id bigint")...)+`
		where  members.id = r.id`, store.Args{"rows": store.Rows(rows)})
}

// saveKeys writes by what people are found now.
func (b *batch) saveKeys(list []*person) error {
	var adds, drops [][]any
	for _, who := range list {
		for _, k := range who.drops {
			drops = append(drops, []any{k.kind, k.value, who.id})
		}
		for _, k := range who.adds {
			adds = append(adds, []any{k.kind, k.value, who.id})
		}
		who.adds, who.drops = nil, nil
	}
	columns := []string{"kind text", "value text", "member_id bigint"}
	if drops != nil {
		err := b.tx.Later("dropping keys of people", `
			delete from member_keys
			where  (kind, value, member_id) in (select r.kind, r.value, r.member_id from `+b.tx.Values(columns...)+`)`,
			store.Args{"rows": store.Rows(drops)})
		if err != nil {
			return err
		}
	}
	if adds == nil {
		return nil
	}
	return b.tx.Later("adding keys of people", `
		insert into member_keys (kind, value, member_id)
		select distinct r.kind, r.value, r.member_id
		from   `+b.tx.Values(columns...)+`
		where  true
		order  by 1, 2, 3
		on conflict (kind, value, member_id) do nothing`, store.Args{"rows": store.Rows(adds)})
}

// saveTags makes people's tags those that were said last.
func (b *batch) saveTags(list []*person) error {
	var rows [][]any
	var retagged []*person
	for _, who := range list {
		if !who.retagged {
			continue
		}
		retagged = append(retagged, who)
		for _, tag := range who.tags {
			rows = append(rows, []any{who.id, tag})
		}
		who.retagged = false
	}
	if retagged == nil {
		return nil
	}
	args := store.Args{"rows": store.Rows(rows), "ids": ids(retagged, (*person).number)}
	table := b.tx.Values("member_id bigint", "tag text")
	if err := b.tx.Later("dropping tags", `
		delete from member_tags
		where  member_id in (select value from `+b.tx.JSONEach("@ids")+`)
		and    (member_id, tag) not in (select r.member_id, r.tag from `+table+`)`, args); err != nil {
		return err
	}
	return b.tx.Later("adding tags", `
		insert into member_tags (member_id, tag)
		select r.member_id, r.tag from `+table+` where true
		on conflict (member_id, tag) do nothing`, args)
}

package intake

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"regulars/internal/store"
)

// OwnSource is the source of all that comes in, by file, hook or API, unless somebody
// names another: orders and events of one source have one space of keys. Another
// is named by --source, ?source= or a token's own, where two systems of a shop
// number their orders each for itself.
const OwnSource = "shop"

// formerly are the names that the shop's own source had while each door had one
// of its own; a token's was api: and its name.
var formerly = []string{"import", "standard", "api:" + OwnSource}

// sourceNamed returns the source that a name means.
func sourceNamed(name string) string {
	if name == "" || slices.Contains(formerly, name) {
		return OwnSource
	}
	return name
}

// sources are the sources of a batch with the names under which older rows of
// each may stand.
type sources struct {
	names map[string][]string // the source itself first
	of    map[string]string   // name → source
}

// nameSources brings the sources of the items into our spelling and asks under which names
// they stand; called again, it makes sure that this is known.
func (b *batch) nameSources() (err error) {
	if b.sources.names != nil {
		return b.tx.Await()
	}
	var wanted []string
	for _, it := range b.items {
		it.Via = cmp.Or(it.Via, it.Source)
		it.Source = sourceNamed(it.Source)
		wanted = append(wanted, it.Source)
	}
	b.sources, err = askSources(b.tx, wanted)
	return err
}

// readSources finds under which names orders and events of sources stand.
func readSources(tx *store.Tx, wanted []string) (sources, error) {
	s, err := askSources(tx, wanted)
	if err == nil {
		err = tx.Await()
	}
	return s, err
}

// askSources is readSources whose answer is there with that of the next statement.
func askSources(tx *store.Tx, wanted []string) (sources, error) {
	s := sources{map[string][]string{}, map[string]string{}}
	var rows [][]any
	for _, source := range wanted {
		if s.names[source] != nil {
			continue
		}
		s.add(source, source)
		rows = append(rows, []any{source, "api:" + source})
		if source == OwnSource {
			for _, old := range formerly {
				rows = append(rows, []any{source, old})
			}
		}
	}
	err := tx.EachLater("finding older sources", `
		select n.source, n.name
		from  (select r.source, r.name from `+tx.Values("source text", "name text")+`
		       union
		       select '`+OwnSource+`', 'api:' || name from api_tokens where source = '') n
		-- With exists, Postgres may read all orders at once; and in no order it may look for a
		-- source that is not there by reading all of them, where most are of one source.
		where  (select 1 from orders o where o.source = n.name order by o.external_id limit 1) = 1
		or     (select 1 from events e where e.source = n.name order by e.external_id limit 1) = 1
		order  by n.source, n.name`, store.Args{"rows": store.Rows(rows)}, func(scan func(...any) error) error {
		var source, name string
		err := scan(&source, &name)
		if err == nil && s.names[source] != nil && s.of[name] == "" {
			s.add(source, name)
		}
		return err
	})
	return s, err
}

func (s sources) add(source, name string) {
	s.names[source] = append(s.names[source], name)
	s.of[name] = source
}

// rows are the keys of orders or events, each under every name that its source
// may have.
func (s sources) rows(keys []orderKey) [][]any {
	rows := make([][]any, 0, len(keys))
	for _, k := range keys {
		for _, name := range s.names[k.source] {
			rows = append(rows, []any{name, k.id})
		}
	}
	return rows
}

// key is the key of a row that stands under a name.
func (s sources) key(name, id string) orderKey { return orderKey{s.of[name], id} }

// OrderNamed returns the id of the order that a source knows by a number:
// store.ErrNotFound when there is none, an error that says so when there are several.
func OrderNamed(tx *store.Tx, source, number string) (int64, error) {
	source = sourceNamed(source)
	s, err := readSources(tx, []string{source})
	if err != nil {
		return 0, err
	}
	var found []struct{ ID, MemberID int64 }
	err = tx.All(&found, `
		select o.id, o.member_id
		from   `+tx.Values("source text", "id text")+`
		join   orders o on o.source = r.source and o.external_id = r.id
		order  by o.id`, store.Args{"rows": store.Rows(s.rows([]orderKey{{source, number}}))})
	switch {
	case err != nil:
		return 0, fmt.Errorf("finding an order: %w", err)
	case len(found) == 0:
		return 0, store.ErrNotFound
	}
	for _, f := range found {
		if f.MemberID != found[0].MemberID {
			return 0, ErrSeveral
		}
	}
	return found[0].ID, nil
}

// ErrSeveral says that orders of several members have one number: they came when
// each door had keys of its own.
var ErrSeveral = errors.New("orders of several members have this number")

package report

import (
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// Unheard is a name that a rule asks for and nothing that came in bears.
type Unheard struct {
	segments.Name
	Near string // what there is of its kind and was probably meant; "": nothing is near
}

// String says it in one sentence, without what is near.
func (u Unheard) String() string { return fmt.Sprintf(borne[u.Kind].says, u.Text) }

// Hint says what was probably meant; "" when nothing is near.
func (u Unheard) Hint() string {
	if u.Near == "" {
		return ""
	}
	return fmt.Sprintf("there is %q", u.Near)
}

// bearing is where the names of a kind stand.
type bearing struct {
	says  string   // that nobody has it
	in    []bears  // any of them
	known string   // the rows without any of which nothing is known of the kind
	ours  []string // names that need not have come in
}

// bears is a column with names.
type bears struct {
	table, column string
	by            string // the column by which the latest rows are found; "": an index finds each name
	lists         bool   // a list of names in each row
}

var (
	product  = bears{table: "order_lines", column: "product"}
	category = bears{table: "order_lines", column: "category"}
)

// borne are the kinds. Orders without lines are orders: nobody bought by them.
var borne = map[segments.Kind]bearing{
	segments.Product:           {says: "nobody bought a product %q", in: []bears{product}, known: "orders"},
	segments.Category:          {says: "nobody bought in a category %q", in: []bears{category}, known: "orders"},
	segments.ProductOrCategory: {says: "nobody bought a product or in a category %q", in: []bears{product, category}, known: "orders"},
	segments.Brand:             {says: "nobody bought of a brand %q", in: []bears{{table: "order_lines", column: "brand", by: "order_id"}}, known: "orders"},
	segments.Label:             {says: "nobody bought anything labelled %q", in: []bears{{table: "order_lines", column: "labels", by: "order_id", lists: true}}, known: "orders"},
	segments.PointOfSale:       {says: "nobody bought at a point of sale %q", in: []bears{{table: "orders", column: "shop", by: "id"}}, known: "orders"},
	segments.Tag:               {says: "nobody has a tag %q", in: []bears{{table: "member_tags", column: "tag"}}, known: "member_tags"},
	segments.EventType:         {says: "nobody has had an event %q", in: []bears{{table: "events", column: "type", by: "id"}}, known: "events", ours: slices.Concat(loyalty.EventTypes, loyalty.OwnEvents)},
	segments.Country:           {says: "nobody is in a country %q", in: []bears{{table: "facts", column: "country", by: "member_id"}}, known: "facts where country <> ''"},
}

// UnheardOf returns those of the names that nothing in the database bears, in their
// order. Of a kind of which nothing is known yet it says nothing.
func UnheardOf(tx *store.Tx, all []segments.Name) (unheard []Unheard, err error) {
	if err := tx.AboutEverybody(); err != nil {
		return nil, err
	}
	asked := map[segments.Kind][]string{}
	for _, n := range all {
		if !slices.Contains(borne[n.Kind].ours, n.Text) && !slices.Contains(asked[n.Kind], n.Text) {
			asked[n.Kind] = append(asked[n.Kind], n.Text)
		}
	}
	near := map[segments.Name]string{} // of those that are unheard of
	for kind, names := range asked {
		b := borne[kind]
		missing, err := b.missing(tx, names)
		if err != nil || len(missing) == 0 {
			if err != nil {
				return nil, err
			}
			continue
		}
		there, err := b.there(tx)
		if err != nil {
			return nil, err
		}
		for i, name := range missing {
			meant := ""
			if i < mostMeant {
				meant = loyalty.Nearest(name, there)
			}
			near[segments.Name{Kind: kind, Text: name}] = meant
		}
	}
	for _, n := range all {
		if meant, is := near[segments.Name{Kind: n.Kind, Text: n.Text}]; is {
			unheard = append(unheard, Unheard{n, meant})
		}
	}
	return unheard, nil
}

// missing returns those of the names that no row bears; none if nothing is known.
func (b bearing) missing(tx *store.Tx, names []string) (missing []string, err error) {
	source := "(select value as name from json_each(@names)) n"
	if tx.Postgres() {
		source = "jsonb_array_elements_text(" + tx.JSONParam("@names") + ") n(name)"
	}
	text := "select n.name from " + source + " where exists (select 1 from " + b.known + ")"
	for _, in := range b.in {
		text += " and " + in.none(tx)
	}
	return missing, tx.All(&missing, text, store.Args{"names": store.JSON(names)})
}

// none is the condition that no row bears n.name. The least name that is not below
// it comes from the index; for any row that bears it Postgres would go through all,
// should it take the name for a usual one. Without an index the limit has a name that
// is there found soon, where a join would read all rows first.
func (in bears) none(tx *store.Tx) string {
	is := "r." + in.column + " = n.name"
	switch {
	case in.by == "":
		return "coalesce((select min(r." + in.column + ") from " + in.table + " r where r." + in.column + " >= n.name) <> n.name, true)"
	case in.lists && tx.Postgres(): // the index is on those that are not empty
		is = "r." + in.column + " <> '[]' and r." + in.column + " @> jsonb_build_array(n.name)"
	case in.lists:
		is = "r." + in.column + " <> '[]' and exists (select 1 from json_each(r." + in.column + ") j where j.value = n.name)"
	}
	return "(select 1 from " + in.table + " r where " + is + " limit 1) is null"
}

// Of what there is so much is looked at for what was meant: names, and where no
// index gives them one by one, the latest rows.
const (
	mostMeant  = 50 // of names that nobody has
	mostNames  = 20_000
	latestRows = 100_000
)

// there returns names of the kind that are there.
func (b bearing) there(tx *store.Tx) (there []string, err error) {
	there = slices.Clone(b.ours)
	for _, in := range b.in {
		var names []string
		if err := tx.All(&names, in.names(tx), store.Args{"names": mostNames, "rows": latestRows}); err != nil {
			return nil, err
		}
		there = append(there, names...)
	}
	slices.Sort(there) // of two that are as near it is always the same
	return there, nil
}

// names selects names that are there.
func (in bears) names(tx *store.Tx) string {
	latest := "(select " + in.column + " as name from " + in.table + " order by " + in.by + " desc limit @rows) r"
	switch {
	case in.by == "": // from one name to the next in the index
		return "with recursive r(name) as (select min(" + in.column + ") from " + in.table +
			" union all select (select min(" + in.column + ") from " + in.table + " where " + in.column + " > r.name) from r where r.name is not null)" +
			" select name from r where name <> '' limit @names"
	case in.lists && tx.Postgres():
		return "select distinct j.name from " + latest + ", jsonb_array_elements_text(r.name) j(name) limit @names"
	case in.lists:
		return "select distinct j.value from " + latest + ", json_each(r.name) j limit @names"
	}
	return "select distinct name from " + latest + " where name <> '' limit @names"
}

package report

import (
	"fmt"
	"slices"
	"strings"

	"regulars/internal/store"
)

// Members are looked for by their names as fold has them, which no database can do. What
// changes a name leaves a row in names_due (triggers see to that), FoldNames writes the
// folded names, and whoever has such a row is looked at one by one until then: so a
// search finds everybody at every moment, and quickly when few names are new.

// foldAtOnce is how many changes FoldNames takes in one transaction.
const foldAtOnce = 2000

// NamesDue is a SELECT with a row where FoldNames has something to do.
const NamesDue = "select 1 from names_due"

// called is what a member may be looked for by.
type called struct {
	ID                              int64
	ExternalID, FirstName, LastName string
}

const calledColumns = "m.id, m.external_id, m.first_name, m.last_name"

// names are the beginnings of what finds the member, folded. Both names begin with the
// first one.
func (c called) names() []string {
	all := []string{fold(c.ExternalID)}
	for _, name := range []string{fold(strings.TrimSpace(c.FirstName + " " + c.LastName)), fold(c.LastName)} {
		if name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// FoldNames writes the names of members whose names have changed, a bounded piece of
// them, and returns how many changes that were. Done twice it writes the same; two at once
// take turns.
func FoldNames(tx *store.Tx) (int, error) {
	if err := tx.ByIndex(); err != nil { // they are some of all members, and new ones come many at once
		return 0, err
	}
	var due []struct{ ID, MemberID int64 }
	if err := tx.All(&due, "select id, member_id from names_due order by id limit @most "+tx.ForUpdate(), store.Args{"most": foldAtOnce}); err != nil || len(due) == 0 {
		return 0, err
	}
	var changes, members []int64
	for _, d := range due {
		changes, members = append(changes, d.ID), append(members, d.MemberID)
	}
	slices.Sort(members)
	args := store.Args{"changes": store.JSON(changes), "members": store.JSON(slices.Compact(members))}
	in := func(list string) string { return "(select value from " + tx.JSONEach(list) + ")" }
	if _, err := tx.Exec("delete from names_due where id in "+in("@changes"), args); err != nil {
		return 0, fmt.Errorf("folding names: %w", err)
	}
	if _, err := tx.Exec("delete from member_names where member_id in "+in("@members"), args); err != nil {
		return 0, fmt.Errorf("folding names: %w", err)
	}
	var list []called
	err := tx.All(&list, "select "+calledColumns+" from members m where m.merged_into is null and m.erased_at is null and m.id in "+in("@members")+" order by m.id", args)
	if err != nil {
		return 0, fmt.Errorf("folding names: %w", err)
	}
	var rows [][]any
	for _, c := range list {
		for _, name := range c.names() {
			rows = append(rows, []any{name, c.ID})
		}
	}
	_, err = tx.Bulk("member_names", []string{"name", "member_id"}, rows)
	return len(due), err
}

// mostFound is how many members a search finds.
const mostFound = 50

// named returns members whose id, first or last name, or both names begin with a folded
// text: those whose name comes first.
func named(tx *store.Tx, text string) (ids []int64, err error) {
	args := store.Args{"text": text, "end": text + "\U0010ffff", "most": 3 * mostFound} // up to so many names each
	err = tx.All(&ids, `
		select n.member_id from member_names n
		where  n.name >= @text and n.name < @end and not exists (select 1 from names_due d where d.member_id = n.member_id)
		order  by n.name, n.member_id
		limit  @most`, args)
	if err != nil {
		return nil, err
	}
	seen := map[int64]bool{}
	ids = slices.DeleteFunc(ids, func(id int64) bool {
		defer func() { seen[id] = true }()
		return seen[id]
	})
	ids = ids[:min(len(ids), mostFound)]
	fresh, err := freshly(tx, text)
	return append(fresh, ids...), err
}

// freshly is named for those whose names are yet to be folded.
func freshly(tx *store.Tx, text string) (ids []int64, err error) {
	rows, err := tx.Query("select "+calledColumns+" from members m where m.merged_into is null and m.erased_at is null and m.id in (select member_id from names_due)", nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() && len(ids) < mostFound {
		var c called
		if err := rows.Scan(&c.ID, &c.ExternalID, &c.FirstName, &c.LastName); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(c.names(), func(name string) bool { return strings.HasPrefix(name, text) }) {
			ids = append(ids, c.ID)
		}
	}
	return ids, rows.Err()
}

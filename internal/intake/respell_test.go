package intake_test

import (
	"context"
	"slices"
	"testing"

	"golang.org/x/text/unicode/norm"

	"regulars/internal/importer"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// ages gives rows the spelling in which an older version kept them.
func (d door) ages(statements ...string) {
	d.T.Helper()
	err := d.DB.Update(context.Background(), func(tx *store.Tx) error {
		for _, text := range statements {
			if _, err := tx.Exec(text, store.Args{"nfd": norm.NFD.String("Åsa"), "food": norm.NFD.String("Käse"), "tag": norm.NFD.String("ñandú")}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.T.Fatal(err)
	}
}

// Faults 15 and 27: what an older version kept with a spreadsheet's apostrophe, or with
// letters that are not composed, is found after the upgrade; nobody and no order is there twice.
func TestRowsOfAnOlderVersionAreFound(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		member := loyalty.Member{ID: "0042", Email: "asa@example.test", Card: "0777", FirstName: "Åsa", Tags: []string{"ñandú"}}
		order := placed("e1", "0099", "0042", 0, 500)
		order.Member, order.Order.Lines[0].Category = member, "Käse"
		d.Stored(order)
		d.Stored(event(loyalty.MemberJoined, "e2", 1, loyalty.Member{ID: "TWIN"}), event(loyalty.MemberJoined, "e3", 2, loyalty.Member{ID: "OLD"}))
		d.ages(
			"update members set external_id = '''0042', card = '''0777', email = '''asa@example.test', first_name = @nfd where external_id = '0042'",
			"update member_keys set value = '''' || value where value in ('0042', '0777', 'asa@example.test')",
			"update members set external_id = '''TWIN' where external_id = 'OLD'",
			"update member_keys set value = '''TWIN' where value = 'OLD'",
			"update member_tags set tag = @tag",
			"update orders set external_id = '''0099'",
			"update order_lines set category = @food",
		)
		for range 2 { // a second time changes nothing
			if err := intake.Respell(context.Background(), db); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"'TWIN", "0042", "TWIN"}
		if got := d.Rows("select external_id from members order by 1"); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("members %q, want %q: who is there twice stays", got, want)
		}
		order.ID, member.Tags = "e4", nil
		d.Answers(order)
		d.Take(importer.File{Kind: "members", Path: file(t, "m.csv", "member,card,email\n'0042,'0777,asa@example.test\n")})
		for _, tt := range [][2]string{
			{"select cast(count(*) as text) from members", "3"},
			{"select cast(count(*) as text) from orders", "1"},
			{"select first_name || ' ' || email || ' ' || card from members where external_id = '0042'", "Åsa asa@example.test 0777"},
			{"select tag from member_tags", "ñandú"},
			{"select category from order_lines", "Käse"},
			{"select cast(count(*) as text) from member_keys where value like '''%'", "1"},
		} {
			if got := d.One(tt[0]); got != tt[1] {
				t.Errorf("%s: %q, want %q", tt[0], got, tt[1])
			}
		}
	})
}

package report_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestFindingSomebodyIsTheSameInEveryAlphabet(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		names := [][2]string{{"Åke", "Åström"}, {"Karl", "Groß"}, {"Γιώργος", "Σταύρου"}, {"İbrahim", "Işık"}, {"Łukasz", "Żak"}, {"Ana", "O'Neil"}, {"明", "王"}, {"Ěva", "A\u030agren"}}
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			var rows [][]any
			for i, n := range names {
				rows = append(rows, []any{int64(i + 1), fmt.Sprintf("Ä-%d%%", i+1), n[0], n[1], tx.At, tx.At})
			}
			_, err := tx.Bulk("members", []string{"id", "external_id", "first_name", "last_name", "created_at", "changed_at"}, rows)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]string{
			"Åström": "1", "åström": "1", "ÅSTRÖM": "1", "astrom": "1", "åke åst": "1", "A\u030astro\u0308m": "1",
			"gross": "2", "GROSS": "2", "GROß": "2", "groß": "2", "Γιώργος": "3", "ΓΙΏΡΓΟΣ": "3", "γιωργοσ": "3", "σταυρου": "3",
			"ibrahim": "4", "İBRAHİM": "4", "IBRAHIM": "4", "ışık": "4", "isik": "4", "łukasz": "5", "lukasz": "5", "żak": "5", "o'neil": "6", "王": "7", "明 王": "7",
			"Ågren": "8", "eva": "8", "ä-3%": "3", "Ä-3": "3", "%": "", "_": "", "xyz": "",
		} {
			err := db.View(t.Context(), func(tx *store.Tx) error {
				list, err := report.FindMembers(tx, text)
				var got []string
				for _, m := range list {
					got = append(got, strings.TrimSuffix(strings.TrimPrefix(m.ID, "Ä-"), "%"))
				}
				if strings.Join(got, " ") != want {
					t.Errorf("member find %s finds %v, want %q", text, got, want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Who is looked for is found before their name is folded and after, and nobody by a name
// that they no longer have.
func TestFindingSomebodyByANewName(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		do := func(f func(tx *store.Tx) error) {
			t.Helper()
			if err := db.Update(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		exec := func(text string) {
			do(func(tx *store.Tx) error { _, err := tx.Exec(text, store.Args{"now": tx.At}); return err })
		}
		folded := func() (n int) {
			do(func(tx *store.Tx) (err error) { n, err = report.FoldNames(tx); return err })
			return n
		}
		found := func(when string, want map[string]string) {
			t.Helper()
			do(func(tx *store.Tx) error {
				for text, ids := range want {
					list, err := report.FindMembers(tx, text)
					if err != nil {
						return err
					}
					var got []string
					for _, m := range list {
						got = append(got, m.ID)
					}
					if strings.Join(got, " ") != ids {
						t.Errorf("%s member find %s finds %v, want %q", when, text, got, ids)
					}
				}
				return nil
			})
		}
		do(func(tx *store.Tx) error {
			var rows [][]any
			for i := range 120 {
				rows = append(rows, []any{int64(i + 1), fmt.Sprintf("M-%03d", i+1), "Åsa", "Lind", tx.At, tx.At})
			}
			_, err := tx.Bulk("members", []string{"id", "external_id", "first_name", "last_name", "created_at", "changed_at"}, rows)
			return err
		})
		exec("update members set last_name = 'Zorn' where id = 7")
		for _, when := range []string{"before folding,", "folded,"} {
			found(when, map[string]string{"zorn": "M-007", "asa zorn": "M-007", "m-007": "M-007", "M-12": "M-120"})
			if n := folded(); when == "before folding," && n != 121 || when == "folded," && n != 0 {
				t.Errorf("%s %d changes were taken", when, n)
			}
		}
		do(func(tx *store.Tx) error {
			list, err := report.FindMembers(tx, "asa")
			if len(list) != 50 {
				t.Errorf("120 are called Åsa, and %d are found, want 50", len(list))
			}
			return err
		})
		exec("update members set last_name = 'Berg', changed_at = @now where id = 7")
		found("renamed,", map[string]string{"zorn": "", "berg": "M-007"})
		folded()
		found("renamed and folded,", map[string]string{"zorn": "", "berg": "M-007"})
		exec("update members set changed_at = @now where id = 7")
		if n := folded(); n != 0 {
			t.Errorf("a change of something else is to be folded: %d", n)
		}
		exec("update members set merged_into = 1 where id = 7")
		found("made one with another,", map[string]string{"berg": ""})
		folded()
		do(func(tx *store.Tx) error {
			var n int
			err := tx.One(&n, "select count(*) from member_names where member_id = 7", nil)
			if n != 0 {
				t.Errorf("who is another now has %d names", n)
			}
			return err
		})
	})
}

// Names are folded while a shop takes its members in, before anybody has analysed them.
func TestFoldingNamesReadsNoTableAsAWhole(t *testing.T) {
	t.Parallel()
	const members, renamed = 10_000, 10
	db := storetest.Postgres(t)
	tables := storetest.NeverAnalysed(t, db, "members", "member_names")
	beside, err := db.Beside(context.Background(), 1) // one connection, that tells what it has read when it ends
	if err != nil {
		t.Fatal(err)
	}
	do := func(work func(*store.Tx) error) {
		t.Helper()
		if err := beside.Update(context.Background(), work); err != nil {
			t.Fatal(err)
		}
	}
	fold := func() (n int) {
		t.Helper()
		do(func(tx *store.Tx) (err error) { n, err = report.FoldNames(tx); return err })
		return n
	}
	do(func(tx *store.Tx) error {
		_, err := tx.Exec("insert into members (external_id, first_name, created_at, changed_at) select 'M-' || i, 'Ana', @now, @now from generate_series(1, cast(@n as int)) i", store.Args{"now": tx.At, "n": members})
		return err
	})
	for fold() > 0 {
	}
	do(func(tx *store.Tx) error { // and now, too: what came before is not counted
		_, err := tx.Exec("select pg_stat_force_next_flush()", nil)
		return err
	})
	tables.Count(t)
	for range 10 {
		do(func(tx *store.Tx) error {
			if err := tx.ByIndex(); err != nil {
				return err
			}
			_, err := tx.Exec("update members set first_name = first_name || 'a' where id < (select min(id) from members) + cast(@some as int)", store.Args{"some": renamed})
			return err
		})
		if n := fold(); n != renamed {
			t.Fatalf("%d changes were taken, want %d", n, renamed)
		}
	}
	beside.Close()
	tables.Fewer(t, members)
}

// Who writes to the shop has the number of an order or a code before them.
func TestFindingSomebodyByAnOrderOrACode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		find := func(text string) string {
			t.Helper()
			var ids []string
			for _, m := range see(t, db, func(tx *store.Tx) ([]report.Member, error) { return report.FindMembers(tx, text) }) {
				ids = append(ids, m.ID)
			}
			return strings.Join(ids, " ")
		}
		if got := find("O-1"); got != "" {
			t.Errorf("of no orders %q is found", got)
		}
		people(t, db)
		do(t, db, "insert into pools (id, name, kind, spec) values (1, 'gift', 'generated', '{}'), (2, 'all', 'shared', '{}')",
			"insert into codes (pool_id, code, folded, state, member_id) values (1, 'GIFT-ABCD', 'G1FTABCD', 'issued', 2)",
			"insert into codes (pool_id, code, folded, state) values (2, 'ALL', 'A11', 'issued')",
			"insert into orders (source, external_id, member_id, at, day, status, counts, total, changed_at) values ('till-4', '1001', 3, {now}, {today}, 'paid', true, 100, {now}), ('till-9', '#1002', 1, {now}, {today}, 'paid', true, 100, {now}), ('till-9', 'O-1', 2, {now}, {today}, 'paid', true, 100, {now})")
		for text, want := range map[string]string{"O-2": "M-1", "O-1": "M-1 M-2", " #1001 ": "M-3", "1001": "M-3", "#1002": "M-1", "1002": "M-1", "gift-abcd": "M-2", "GIFT ABCD": "M-2", "all": "", "#": ""} {
			if got := find(text); got != want {
				t.Errorf("%q finds %q, want %q", text, got, want)
			}
		}
	})
}

package report_test

import (
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

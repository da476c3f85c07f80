package delivery_test

import (
	"strings"
	"testing"

	"regulars/internal/delivery"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// TestAMailWaitsForARuleThatCannotBeAnswered: the shop is too young to forecast,
// and the other campaign's mail goes out all the same, alone and in a run.
func TestAMailWaitsForARuleThatCannotBeAnswered(t *testing.T) {
	t.Parallel()
	foretold := func(files map[string]string) {
		for _, name := range []string{"finland", "drop"} {
			file := "campaigns/" + name + "/campaign.yaml"
			files[file] = strings.Replace(files[file], "except: country == \"AX\"\n", "", 1) + "except: alive < 0.1\n"
		}
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newShop(t, db, foretold)
		m := s.members(3)
		s.single("finland", m[0])
		s.single("letter", m[1])
		s.run("letter", m[2:], 10)
		d := s.sender()
		s.singles(d, delivery.Bulk)
		s.run("drop", m, 10)
		for range 4 {
			if _, err := d.Work(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
		s.want("those of the one wait, the others are sent", map[string]int{"queued": 4, "sent": 2})
		if n := s.number("select count(*) from due", nil); n != 4 {
			t.Errorf("%d mails are due again, want the four that wait", n)
		}
	})
}

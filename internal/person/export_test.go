package person_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/person"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// columnsOf are the columns of all tables, as table.column.
func columnsOf(t *testing.T, db *store.DB) (all []string) {
	t.Helper()
	query := `select m.name || '.' || c.name from sqlite_master m, pragma_table_info(m.name) c
	          where m.type = 'table' and m.name not like 'sqlite_%' and m.name not like 'goose%' order by 1`
	if db.Engine() == store.Postgres {
		query = "select table_name || '.' || column_name from information_schema.columns where table_schema = current_schema() and table_name not like 'goose%' order by 1"
	}
	if err := db.View(t.Context(), func(tx *store.Tx) error { return tx.All(&all, query, nil) }); err != nil {
		t.Fatal(err)
	}
	return all
}

// A new table with a column for a member fails here until tables.go says what export,
// erase and merge do about it.
func TestEveryTableOfMembersIsListed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		listed := person.Listed()
		var found []string
		for _, column := range columnsOf(t, db) {
			table, name, _ := strings.Cut(column, ".")
			switch name {
			case "member_id":
				found = append(found, table)
				if _, ok := listed[table]; !ok {
					t.Errorf("%s has a column member_id, and tables.go does not say what becomes of it", table)
				}
			case "referrer_id", "friend_id", "email_key", "merged_into":
				if _, ok := listed[table]; !ok && !person.OtherwiseListed(table) {
					t.Errorf("%s has a column %s, and tables.go does not say what becomes of it", table, name)
				}
			}
		}
		document, err := json.Marshal(person.Document{})
		if err != nil {
			t.Fatal(err)
		}
		for table, part := range listed {
			if !slices.Contains(found, table) {
				t.Errorf("tables.go lists %s, which is no table of members", table)
			}
			if part != "-" && !strings.Contains(string(document), `"`+part+`":`) {
				t.Errorf("%s is exported as %q, which the document does not have", table, part)
			}
		}
	})
}

func TestAnExportSaysAllThatIsKnown(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		s.joins(7, func(m *loyalty.Member) { m.FirstName = "Referrer" })
		anna := s.joins(1, func(m *loyalty.Member) {
			m.FirstName, m.LastName, m.Phone, m.Card, m.Birthday, m.Tags, m.ReferredBy = "Anna", "Virtanen", "+358401234567", "card-0042", "1980-02-28", []string{"vip"}, "M-7"
			m.IDs, m.Attributes = map[string]string{"shopify": "991"}, map[string]any{"dog": "Rex"}
		})
		s.buys(1, "A-1", 12000, loyalty.Line{Product: "coffee", Quantity: 2, Total: 12000})
		s.Event(loyalty.OrderRefunded, 1, func(e *loyalty.Event) {
			e.Order, e.Refund = &loyalty.Order{ID: "A-1"}, &loyalty.Refund{ID: "R-1", Total: 1000}
		})
		s.Event("review.written", 1, func(e *loyalty.Event) { e.Properties = map[string]any{"stars": 5} })
		s.Work()
		s.Deliver("sent")
		s.Do(func(tx *store.Tx) error {
			_, err := tx.Exec(`insert into touches (send_id, member_id, campaign_id, kind, at, day, person, link)
				select id, member_id, campaign_id, 'click', @now, 1, true, 'https://shop.example/rex' from sends where member_id = @id order by id limit 1`,
				store.Args{"now": tx.At, "id": anna})
			return err
		})
		text, err := json.MarshalIndent(s.export(anna), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`"first_name": "Anna"`, `"card-0042"`, `"+358401234567"`, `"dog": "Rex"`, `"birth_year": 1980`, `"vip"`, `"source:shopify"`, `"value": "991"`,
			`"said": "I want offers"`, `"source": "checkout"`, `"total_minor": 12000`, `"id": "R-1"`, `"product": "coffee"`, `"stars": 5`,
			`"wallet": "points"`, `"wallet": "coffees"`, `"tier": "silver"`, `"role": "friend"`, `"segment": "buyers"`, `"campaign": "welcome"`, `"subject": "hello"`,
			`"link": "https://shop.example/rex"`, `"pool": "thanks"`, `"shop": "Anna's Pets"`, `"state": "sent"`,
		} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the export lacks %s", want)
			}
		}
		for _, not := range []string{"m7@example.test", `"first_name": "Referrer"`} {
			if strings.Contains(string(text), not) {
				t.Errorf("the export says %s of somebody else", not)
			}
		}
		if t.Failed() {
			t.Logf("%s", text)
		}
	})
}

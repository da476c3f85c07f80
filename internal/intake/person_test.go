package intake_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestWhoItIs(t *testing.T) {
	t.Parallel()
	type m = loyalty.Member
	shopify := func(id string) map[string]string { return map[string]string{"shopify": id} }
	tests := []struct {
		name string
		said []m    // by one event after the other
		want string // the person of each event, in letters, and all people's names
	}{
		{"the shop's id tells who it is", []m{{ID: "M-1"}, {ID: "M-2"}, {ID: "M-1"}}, "aba M-1 M-2"},
		{"leading zeros are part of an id", []m{{ID: "01"}, {ID: "1"}}, "ab 01 1"},
		{"the id of a source, when there is no other", []m{{IDs: shopify("7")}, {IDs: shopify("7")}, {IDs: map[string]string{"stripe": "7"}}}, "aab shopify:7 stripe:7"},
		{"a source's id gives way to the shop's", []m{{IDs: shopify("7")}, {ID: "M-1", IDs: shopify("7")}, {IDs: shopify("7")}}, "aaa M-1"},
		{"an address gives way to the shop's id", []m{{Email: "ana@example.test"}, {ID: "M-1", Email: "ANA@example.test"}, {ID: "M-1"}}, "aaa M-1"},
		{"the address, when one person has it", []m{{ID: "M-1", Email: "ana@example.test"}, {Email: "Ana@Example.test"}}, "aa M-1"},
		{"the address brings a source's id", []m{{ID: "M-1", Email: "ana@example.test"}, {Email: "ana@example.test", IDs: shopify("7")}, {IDs: shopify("7")}}, "aaa M-1"},
		{"one address, two of the shop's ids: two people", []m{{ID: "M-1", Email: "ana@example.test"}, {ID: "M-2", Email: "ana@example.test"}}, "ab M-1 M-2"},
		{"an address that two have tells nothing", []m{{ID: "M-1", Email: "a@example.test"}, {ID: "M-2", Email: "a@example.test"}, {Email: "a@example.test"}, {Email: "a@example.test"}}, "abcc M-1 M-2 regulars:n"},
		{"an address alone makes one person", []m{{Email: "ana@example.test"}, {Email: "ana@example.test"}}, "aa regulars:n"},
		{"the shop's id goes before the address", []m{{ID: "M-1", Email: "a@example.test"}, {ID: "M-2", Email: "b@example.test"}, {ID: "M-1", Email: "b@example.test"}}, "aba M-1 M-2"},
		{"the shop's id goes before a source's", []m{{ID: "M-1"}, {IDs: shopify("7")}, {ID: "M-1", IDs: shopify("7")}, {IDs: shopify("7")}}, "abab M-1 shopify:7"},
		{"a source's id of somebody whom the shop calls otherwise", []m{{ID: "M-1", IDs: shopify("7")}, {ID: "M-2", IDs: shopify("7")}}, "ab M-1 M-2"},
		{"an address that was given up is the next one's", []m{{ID: "M-1", Email: "a@example.test"}, {ID: "M-1", Email: "new@example.test"}, {Email: "a@example.test"}, {Email: "new@example.test"}}, "aaba M-1 regulars:n"},
		{"somebody made of an address may change it", []m{{Email: "a@example.test"}, {ID: "M-1", Email: "a@example.test"}, {ID: "M-1", Email: "b@example.test"}, {Email: "a@example.test"}}, "aaab M-1 regulars:n"},
		{"a card, when there is nothing else", []m{{ID: "M-1", Card: "0042"}, {Card: "0042"}, {Card: "42"}, {Card: "42"}}, "aabb M-1 regulars:n"},
		{"a phone, however it is written", []m{{ID: "M-1", Phone: "+358 40 123-4567"}, {Phone: "+358401234567"}}, "aa M-1"},
		{"a card does not say who somebody with an address is", []m{{ID: "M-1", Card: "0042"}, {Card: "0042", Email: "a@example.test"}}, "ab M-1 regulars:n"},
		{"punycode and letters of the domain are one", []m{{Email: "ana@bücher.test"}, {Email: "ana@XN--BCHER-KVA.test"}}, "aa regulars:n"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, together := range []bool{false, true} {
			for i, tt := range tests {
				d := newDoor(t, db)
				clear(t, db)
				var events []loyalty.Event
				for k, said := range tt.said {
					events = append(events, event(loyalty.MemberChanged, fmt.Sprintf("%v-%d-%d", together, i, k), k, said))
				}
				var who []int64
				if together {
					for _, r := range d.Stored(events...) {
						who = append(who, r.Member)
					}
				} else {
					for _, e := range events {
						who = append(who, d.Stored(e)[0].Member)
					}
				}
				got := letters(who) + " " + strings.Join(d.Rows("select case when external_id like 'regulars:%' then 'regulars:n' else external_id end from members order by 1"), " ")
				if got != tt.want {
					t.Errorf("%s (in one batch: %v): %q, want %q", tt.name, together, got, tt.want)
				}
			}
		}
	})
}

// letters names people in the order in which they come.
func letters(who []int64) string {
	names := map[int64]string{}
	var b strings.Builder
	for _, id := range who {
		if names[id] == "" {
			names[id] = string(rune('a' + len(names)))
		}
		b.WriteString(names[id])
	}
	return b.String()
}

// clear empties the tables that events fill.
func clear(t testing.TB, db *store.DB) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		for _, table := range []string{"members", "member_keys", "member_tags", "member_topics", "consents", "orders", "order_lines",
			"refunds", "events", "point_changes", "facts", "passages", "occurrences", "sends", "due"} {
			if _, err := tx.Exec("delete from "+table, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsKnownOfSomebody(t *testing.T) {
	t.Parallel()
	const all = `select email || '|' || phone || '|' || first_name || '|' || language || '|' || country || '|' || time_zone || '|' ||
		coalesce(birth_year, 0) || '-' || coalesce(birth_month, 0) || '-' || coalesce(birth_date, 0) || '|' ||
		coalesce(attributes ->> 'plan', '') || '|' || coalesce(attributes ->> 'size', '') || '|' || coalesce(joined_day, 0)
		from members`
	type m = loyalty.Member
	yes, no := true, false
	tests := []struct {
		name string
		said []m
		at   []int
		want string
	}{
		{"all of it", []m{{Email: " Ana@Bücher.test", Phone: "040", FirstName: "Ana", Language: "zh_tw", Country: "fi", TimeZone: "Europe/Helsinki",
			Birthday: "1980-02-29", Attributes: map[string]any{"plan": "gold", "size": 43.5}, Joined: &yes}}, []int{0},
			"Ana@xn--bcher-kva.test|040|Ana|zh-TW|FI|Europe/Helsinki|1980-2-29|gold|43.5|20880"},
		{"what is said later stands", []m{{FirstName: "Ana", Country: "FI"}, {FirstName: "Anna", Country: "SE"}}, []int{1, 2}, "||Anna||SE||0-0-0|||0"},
		{"what comes late fills only what is blank", []m{{FirstName: "Ana", Country: "FI"}, {FirstName: "Anna", Language: "sv"}}, []int{2, 1}, "||Ana|sv|FI||0-0-0|||0"},
		{"said again, it is as new as that", []m{{Country: "FI"}, {Country: "FI"}, {Country: "SE"}}, []int{1, 3, 2}, "||||FI||0-0-0|||0"},
		{"nothing said changes nothing", []m{{FirstName: "Ana", Attributes: map[string]any{"plan": "gold"}}, {Attributes: map[string]any{"size": 1}}}, []int{1, 2}, "||Ana||||0-0-0|gold|1|0"},
		{"a birthday without its year keeps the year", []m{{Birthday: "1980-02-28"}, {Birthday: "--02-28"}}, []int{1, 2}, "||||||1980-2-28|||0"},
		{"another birthday does not", []m{{Birthday: "1980-02-28"}, {Birthday: "--03-01"}}, []int{1, 2}, "||||||0-3-1|||0"},
		{"who says that they have not joined, has not", []m{{Joined: &no}}, []int{0}, "||||||0-0-0|||0"},
		{"who has joined stays so", []m{{Joined: &yes}, {Joined: &no}}, []int{0, 1}, "||||||0-0-0|||20880"},
		{"they joined when it was first said", []m{{Joined: &yes}, {Joined: &yes}}, []int{0, -2 * 24 * 60}, "||||||0-0-0|||20878"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.now(24 * 60) // so that all of it has happened
		for i, tt := range tests {
			clear(t, db)
			for k, said := range tt.said {
				said.ID = "M-1"
				d.Stored(event(loyalty.MemberChanged, fmt.Sprint(i, "-", k), tt.at[k], said))
			}
			if got := d.One(all); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
	})
}

func TestTagsAndTopicsAreAsSaidLast(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.now(24 * 60) // so that all of it has happened
		said := func(id string, minutes int, m loyalty.Member) {
			m.ID = "M-1"
			d.Stored(event(loyalty.MemberChanged, id, minutes, m))
		}
		said("e1", 1, loyalty.Member{Tags: []string{"vip ", "club", "vip", ""}, Consent: map[string]bool{"offers": true, "newsletter": true}, ConsentAt: at(1)})
		if got := strings.Join(d.Rows("select tag from member_tags order by tag"), " "); got != "club vip" {
			t.Errorf("tags = %q, want club and vip", got)
		}
		said("e2", 2, loyalty.Member{FirstName: "Ana", Consent: map[string]bool{"newsletter": false}, ConsentAt: at(2)})
		said("e3", 3, loyalty.Member{Tags: []string{"dog"}})
		said("e4", 0, loyalty.Member{Tags: []string{"late"}, Consent: map[string]bool{"newsletter": true}, ConsentAt: at(0)})
		if got := strings.Join(d.Rows("select tag from member_tags"), " "); got != "dog" {
			t.Errorf("tags = %q, want dog", got)
		}
		got := d.One("select (case when consent_offers then 'offers ' else '' end) || (case when consent_newsletter then 'newsletter' else '' end) from facts")
		if got != "offers " {
			t.Errorf("consent in the facts = %q, want offers", got)
		}
		said("e5", 4, loyalty.Member{Tags: []string{}})
		if got := d.Rows("select tag from member_tags"); len(got) != 0 {
			t.Errorf("tags = %v, want none", got)
		}
	})
}

package intake_test

import (
	"strings"
	"testing"

	"regulars/internal/importer"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// What comes by an event and what comes by a file is read alike.
func TestNamesAndIDsAreReadAlikeAtEveryDoor(t *testing.T) {
	t.Parallel()
	names := []struct{ name, written, kept string }{
		{"a line break", "Ida\nMaria", "Ida Maria"},
		{"a line separator", "Ida\u2028Maria", "Ida Maria"},
		{"a tab and NUL", "Ida\t\x00Maria", "Ida Maria"},
		{"an override of direction", "Jon\u202egnp.exe", "Jongnp.exe"},
		{"accents in parts", "Rene\u0301", "Ren\u00e9"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		var content strings.Builder
		content.WriteString("member,email,first_name,tags\n")
		for i, tt := range names {
			id := string(rune('a' + i))
			d.Stored(event(loyalty.MemberChanged, id, 0, loyalty.Member{ID: "E-" + id, FirstName: tt.written, Tags: []string{tt.written}}))
			content.WriteString("F-" + id + "," + id + "@r3---a.example,\"" + tt.written + "\",\"" + tt.written + "\"\n")
		}
		if got, refused := d.Take(importer.File{Kind: "members", Path: file(t, "m.csv", content.String())}); !strings.HasSuffix(got, " 0 refused") {
			t.Errorf("the file: %s %v", got, refused)
		}
		for i, tt := range names {
			for _, id := range []string{"E-", "F-"} {
				id += string(rune('a' + i))
				if got := d.One("select first_name from members where external_id = '" + id + "'"); got != tt.kept {
					t.Errorf("%s: %s is called %q, want %q", tt.name, id, got, tt.kept)
				}
				if got := d.One("select tag from member_tags t join members m on m.id = t.member_id where m.external_id = '" + id + "'"); got != tt.kept {
					t.Errorf("%s: %s has the tag %q, want %q", tt.name, id, got, tt.kept)
				}
			}
		}
	})
}

func TestAGuardingApostropheIsNoPartOfAnID(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		content := "member,ids.shopify,card,phone\n'M-1,'7210448301124,'0042,'+358401112223\n"
		d.Take(importer.File{Kind: "members", Path: file(t, "m.csv", content)})
		for i, m := range []loyalty.Member{{ID: "M-1"}, {ID: "\u2019M-1"}, {IDs: map[string]string{"shopify": "7210448301124"}}, {Card: "0042"}, {Phone: "+358401112223"}} {
			d.Stored(event(loyalty.Visit, string(rune('a'+i)), i, m))
		}
		if got := d.Rows("select external_id || ' ' || card from members"); len(got) != 1 || got[0] != "M-1 0042" {
			t.Errorf("members = %q, want one, M-1 0042", got)
		}
	})
}

// One word has one spelling, however its accents are written.
func TestAccentsAreComposedAtEveryDoor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		parts, whole := "Cafe\u0301", "Caf\u00e9"
		e := placed("e1", "O-1", "M-1", 0, 100)
		e.Order.Lines = []loyalty.Line{{Product: parts, Category: parts, Brand: parts, Quantity: 1, Total: 100, Labels: loyalty.Labels{parts}}}
		d.Stored(e, event(parts+".opened", "e2", 1, loyalty.Member{ID: "M-1", Attributes: map[string]any{parts: parts}}))
		d.Take(importer.File{Kind: "orders", Path: file(t, "o.csv", "order,member,at,total,product,category\nO-2,M-1,2026-10-01,1.00,"+parts+","+parts+"\n")})
		for query, want := range map[string]string{
			"select distinct product || '|' || category from order_lines": whole + "|" + whole,
			"select distinct brand from order_lines where brand <> ''":    whole,
			"select type from events where type like '%opened'":           whole + ".opened",
			"select cast(attributes as text) from members":                whole,
		} {
			if got := d.Rows(query); len(got) != 1 || !strings.Contains(got[0], want) || strings.Contains(got[0], "\u0301") {
				t.Errorf("%s = %q, want %q alone", query, got, want)
			}
		}
	})
}

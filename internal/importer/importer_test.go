package importer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/internal/importer"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func packed(content string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(content))
	z.Close()
	return b.String()
}

const twoOrders = "order,member,at,total,product,quantity\nO-1,0042,2027-03-01,10.50,A,1\nO-2,42,2027-03-02,1e1,B,2\nO-1,0042,2027-03-01,-0.5,C,-1\n"

func TestOrdersFilesOfAllKinds(t *testing.T) {
	t.Parallel()
	const want = "0042 1000 x0 2 lines day 20878|42 1000 x2 1 lines day 20879"
	tests := []struct {
		name, file, content string
		columns             map[string]string
	}{
		{"plain", "a.csv", twoOrders, nil},
		{"packed", "a.csv.gz", packed(twoOrders), nil},
		{"packed under another name", "a.csv", packed(twoOrders), nil},
		{"with a mark and carriage returns", "a.csv", "\ufeff" + strings.ReplaceAll(twoOrders, "\n", "\r\n"), nil},
		{"with semicolons", "a.csv", strings.ReplaceAll(twoOrders, ",", ";"), nil},
		{"with tabs", "a.csv", strings.ReplaceAll(twoOrders, ",", "\t"), nil},
		{"with quotes", "a.csv", "\"order\",\"member\",at,total,product,quantity\nO-1,\"0042\",2027-03-01,\"10.50\",\"A,\nof \"\"all\"\"\",1\nO-2,42,2027-03-02,10,B,2\nO-1,0042,2027-03-01,-.5,C,-1", nil},
		{"with the names of another system", "a.csv", strings.Replace(twoOrders, "order,member,at,total", " Basket ,Customer ID,When,Sum", 1),
			map[string]string{"order": "basket", "member": "customer id", "at": "when", "total": "sum"}},
		{"with blank lines and columns that are not ours", "a.csv", "x,order,member,at,total,product,quantity\n\n,O-1,0042,2027-03-01,10.50,A,1\n   \n,O-2,42,2027-03-02,10,B,2\n,O-1,0042,2027-03-01,-0.5,C,-1\n", nil},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for _, tt := range tests {
			clear(t, db)
			im := importer.File{Kind: "orders", Path: file(t, tt.file, tt.content), Map: tt.columns}
			if got, refused := d.Take(im); got != "3 read, 2 new, 0 updated, 0 unchanged, 0 refused" {
				t.Errorf("%s: %s %v", tt.name, got, refused)
			}
			got := strings.Join(d.Rows(`select m.external_id || ' ' || o.total || ' x' || o.quantity || ' ' ||
				(select count(*) from order_lines l where l.order_id = o.id and l.member_id = m.id and l.day = o.day and l.counts) || ' lines day ' || o.day
				from orders o join members m on m.id = o.member_id order by o.external_id`), "|")
			if got != want {
				t.Errorf("%s: orders %s, want %s", tt.name, got, want)
			}
			if got, _ := d.Take(im); got != "3 read, 0 new, 0 updated, 2 unchanged, 0 refused" {
				t.Errorf("%s, again: %s", tt.name, got)
			}
		}
	})
}

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for _, im := range []importer.File{
			{Kind: "orders", Path: file(t, "o.csv", twoOrders)},
			{Kind: "members", Path: file(t, "m.csv", "member,email,consent.offers\n1,a@example.test,yes\n2,b@example.test,yes\n")},
			{Kind: "suppressions", Path: file(t, "s.csv", "email\na@example.test\nb@example.test\n")},
		} {
			im.DryRun = true
			if got, refused := d.Take(im); !strings.Contains(got, " 2 new, 0 updated, 0 unchanged, 0 refused") {
				t.Errorf("%s: %s %v", im.Kind, got, refused)
			}
		}
		for _, table := range []string{"members", "member_keys", "member_topics", "orders", "order_lines", "facts", "suppressions"} {
			if got := d.One("select count(*) from " + table); got != "0" {
				t.Errorf("%s rows in %s, want none", got, table)
			}
		}
	})
}

func TestARowThatIsWrongIsRefusedWithItsLine(t *testing.T) {
	t.Parallel()
	const content = `order,member,at,total,status,currency,email
O-1,M-1,2027-03-01,10.00,,,
O-2,M-1,2027-02-30,10,,,
O-3,M-1,01/02/2027,10,,,
O-4,,2027-03-01,10,,,
O-5,M-1,2027-03-01,"10,50",,,
O-6,M-1,2027-03-01,10,done,,
O-7,M-1,2027-03-01,10,,USD,
O-8,M-1,2027-03-01,10,,,not an address
O-9,M-1,2027-03-01
O-10,M-1,2027-03-01,10,,,,more
O-11,M-1,2027-03-01,1"0,,,
,M-1,2027-03-01,10,,,
` + "O-12,M-\xff,2027-03-01,10,,,\n" + `O-13,M-1,2027-03-01,10,,,
O-14,M-1,2027-03-01,10,,,
O-13,M-2,2027-03-01,10,,,
O-15,M-1,2027-03-01,99999999999999999,,,
`
	want := []string{
		`3 at: "2027-02-30" is not a moment`, `4 at: "01/02/2027" may be two days`, `5 member: is empty`, `6 total: "10,50" is not an amount`,
		`7 status: "done" is none of`, `8 currency: "USD" is not the program's EUR`, `10 total: the row in line 10 ends before it`,
		`11 : has 8 fields, the header 7`, `12 : cannot be read as CSV`, `13 order: is empty`, `14 : column member is not UTF-8`,
		`17 member: order O-13 is of M-1 in line 15 and of M-2 here`, `15 order: line 17 of the same order is refused`, `18 total: "99999999999999999" is larger`,
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		rejects := filepath.Join(t.TempDir(), "rejects.csv")
		im := importer.File{Kind: "orders", Path: file(t, "orders.csv", content), Rejects: rejects}
		got, refused := d.Take(im)
		if got != "17 read, 3 new, 0 updated, 0 unchanged, 14 refused, 1 noted" {
			t.Errorf("Import = %s", got)
		}
		for _, w := range want {
			if !strings.Contains("\n"+strings.Join(refused, "\n"), "\n"+w) {
				t.Errorf("nothing was refused as %q, only\n%s", w, strings.Join(refused, "\n"))
			}
		}
		kept, err := os.ReadFile(rejects)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{
			"refused_line,refused_because,order,member,at,total,status,currency,email\n",
			"17,\"member: order O-13 is of M-1 in line 15 and of M-2 here: if numbers begin anew, use --order-key number+day+shop\",O-13,M-2,2027-03-01,10,,,\n",
			"15,order: line 17 of the same order is refused,O-13,M-1,2027-03-01,10,,,\n",
			"10,total: the row in line 10 ends before it,O-9,M-1,2027-03-01\n",
			"11,\"has 8 fields, the header 7\",O-10,M-1,2027-03-01,10,,,,more\n",
		} {
			if !strings.Contains(string(kept), line) {
				t.Errorf("the rejects lack %q:\n%s", line, kept)
			}
		}
		if n := strings.Count(string(kept), "\n"); n != 15 {
			t.Errorf("the rejects have %d lines, want 15:\n%s", n, kept)
		}
		// Among them no amount contradicts that a comma stands before the decimals of 10,50.
		mended := strings.ReplaceAll(string(kept), "O-13,M-2,", "O-13,M-1,")
		if got, _ := d.Take(importer.File{Kind: "orders", Path: file(t, "mended.csv", mended)}); got != "14 read, 2 new, 0 updated, 0 unchanged, 11 refused" {
			t.Errorf("the mended rejects: %s", got)
		}
	})
}

func TestAFileThatIsNotOne(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	d := newDoor(t, db)
	tests := []struct {
		name    string
		content string
		im      importer.File
		want    string
	}{
		{"empty", "", importer.File{Kind: "orders"}, "it is empty"},
		{"half a zip", "PK\x03\x04\x14\x00", importer.File{Kind: "orders"}, "another zip archive, and not whole"},
		{"gzip that is none", "\x1f\x8bxx", importer.File{Kind: "orders"}, "gzip"},
		{"orders without an order", "member,at\n", importer.File{Kind: "orders"}, "no column order: name it with --map order=COLUMN, or use --order-id row"},
		{"orders without a time", "order,member\n", importer.File{Kind: "orders"}, "no column at"},
		{"a mapped column that is not there", "order,member,at\n", importer.File{Kind: "orders", Map: map[string]string{"total": "sum"}}, "no column sum for total: it has order, member, at"},
		{"a mapped field that is none", "order,member,at\n", importer.File{Kind: "orders", Map: map[string]string{"prize": "at"}}, "prize is not a field of orders"},
		{"a quote without its end", "order,member,at\nO-1,\"M-1,2027-01-01\nO-2,M-1,2027-01-01\n", importer.File{Kind: "orders"}, "line 2: a quote is opened"},
		{"something else", "a\n", importer.File{Kind: "pictures"}, "pictures"},
		{"a topic that there is not", "member\n", importer.File{Kind: "members", Consent: []string{"sms"}}, "topics are"},
		{"suppressions without addresses", "a,b\n", importer.File{Kind: "suppressions"}, "no column email"},
	}
	for _, tt := range tests {
		tt.im.Path = file(t, "a.csv", tt.content)
		if _, err := d.Import(t.Context(), tt.im); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	if _, err := d.Import(t.Context(), importer.File{Kind: "orders", Path: "nowhere.csv"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestMembersFile(t *testing.T) {
	t.Parallel()
	const content = `member,email,first_name,country,language,birthday,tags,joined_at,consent.offers,consent.newsletter,points,ids.shopify,shoe
M-1,Ana@Example.test,Ana,fi,fi,--02-29,"club, dog",2026-11-22 10:00,yes,no,120,7,43
0042,bo@example.test,Bo,SE,sv,1980-01-31,,2026-12-01T23:30:00Z,,,,,
`
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		zone, _ := time.LoadLocation("America/New_York")
		im := importer.File{Kind: "members", Path: file(t, "members.csv", content), Zone: zone, Consent: []string{"newsletter"}, ConsentSource: "old system", ConsentDay: loyalty.DayOf(at(-1000).Time, time.UTC)}
		if got, refused := d.Take(im); got != "2 read, 2 new, 0 updated, 0 unchanged, 0 refused" {
			t.Errorf("Import = %s %v", got, refused)
		}
		const people = `select external_id || '|' || email || '|' || first_name || '|' || country || '|' || language || '|' || coalesce(birth_year, 0) || '-' || birth_month || '-' || birth_date
			|| '|' || joined_day || '|' || (select count(*) from member_tags t where t.member_id = members.id) from members order by external_id`
		if got, want := strings.Join(d.Rows(people), "\n"), "0042|bo@example.test|Bo|SE|sv|1980-1-31|20788|0\nM-1|Ana@example.test|Ana|FI|fi|0-2-29|20779|2"; got != want {
			t.Errorf("people:\n%s\nwant\n%s", got, want)
		}
		const topics = "select m.external_id || ' ' || t.topic || case when t.granted then ' yes' else ' no' end from member_topics t join members m on m.id = t.member_id order by 1"
		if got, want := strings.Join(d.Rows(topics), ", "), "0042 newsletter yes, M-1 newsletter no, M-1 offers yes"; got != want {
			t.Errorf("topics: %s, want %s", got, want)
		}
		if got, want := d.One(factsOf+"'M-1'"), "0 orders, 0 spent, 120 points"; got != want {
			t.Errorf("facts of M-1: %s, want %s", got, want)
		}
		consents := d.One("select count(*) from consents where source = 'old system'")
		if got, _ := d.Take(im); got != "2 read, 0 new, 0 updated, 2 unchanged, 0 refused" || d.One("select count(*) from consents where source = 'old system'") != consents {
			t.Errorf("again: %s, and %s consents became %s", got, consents, d.One("select count(*) from consents"))
		}
		im.Path = file(t, "members.csv", strings.Replace(content, "Bo,SE", "Bosse,SE", 1))
		if got, _ := d.Take(im); got != "2 read, 0 new, 1 updated, 1 unchanged, 0 refused" {
			t.Errorf("with one changed: %s", got)
		}
		if got := d.One("select first_name from members where external_id = '0042'"); got != "Bosse" {
			t.Errorf("0042 is called %s, want Bosse", got)
		}
	})
}

func TestAPersonTwiceInAFile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		im := importer.File{Kind: "members", Path: file(t, "m.csv", "member,first_name\nM-1,Ana\nM-2,Bo\nM-1,Ana\nM-1,Anna\n")}
		for _, want := range []string{"4 read, 2 new, 0 updated, 1 unchanged, 1 refused", "4 read, 0 new, 0 updated, 3 unchanged, 1 refused"} {
			got, refused := d.Take(im)
			if got != want || len(refused) != 1 || refused[0] != "5 member: the same person stands in line 2 with other values" {
				t.Errorf("Import = %s %v, want %s and line 5 refused", got, refused, want)
			}
		}
	})
}

func TestWhoIsInAMembersFileHasJoined(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, content, want string }{
		{"by being in it", "member\nM-1\n", "20880"},
		{"when it says so", "member,joined_at\nM-1,2027-01-01\n", "20819"},
		{"not when the column is empty", "member,joined_at\nM-1,\n", "0"},
		{"yes", "member,joined\nM-1,Yes\n", "20880"},
		{"no", "member,joined\nM-1,no\n", "0"},
		{"with a date for a yes", "member,joined\nM-1,2027-01-01\n", "20819"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for _, tt := range tests {
			clear(t, db)
			if got, refused := d.Take(importer.File{Kind: "members", Path: file(t, "m.csv", tt.content)}); !strings.HasPrefix(got, "1 read, 1 new") {
				t.Errorf("%s: %s %v", tt.name, got, refused)
			}
			if got := d.One("select coalesce(joined_day, 0) from members"); got != tt.want {
				t.Errorf("%s: joined on day %s, want %s", tt.name, got, tt.want)
			}
		}
	})
}

func TestAnImportedOrderChangesWithItsRow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		steps := []struct{ content, tally, order, facts string }{
			{"O-1,M-1,2027-03-01,10.00,,A\nO-1,M-1,2027-03-01,5.00,,B\n", "2 read, 1 new, 0 updated, 0 unchanged, 0 refused",
				"M-1 paid 1500-0 x2  day 20878 lines 2", "1 orders, 1500 spent, 0 points"},
			{"O-1,M-1,2027-03-02,10.00,,A\n", "1 read, 0 new, 1 updated, 0 unchanged, 0 refused",
				"M-1 paid 1000-0 x1  day 20879 lines 1", "1 orders, 1000 spent, 0 points"},
			{"O-1,M-1,2027-03-02,10.00,cancelled,A\n", "1 read, 0 new, 1 updated, 0 unchanged, 0 refused",
				"M-1 cancelled 1000-0 x1  day 20879 lines 1", "0 orders, 0 spent, 0 points"},
			{"O-1,M-2,2027-03-02,10.00,paid,A\n", "1 read, 0 new, 1 updated, 0 unchanged, 0 refused",
				"M-2 paid 1000-0 x1  day 20879 lines 1", "0 orders, 0 spent, 0 points"},
		}
		for n, step := range steps {
			im := importer.File{Kind: "orders", Path: file(t, "o.csv", "order,member,at,total,status,product\n"+step.content)}
			if got, refused := d.Take(im); got != step.tally {
				t.Errorf("step %d: %s %v, want %s", n, got, refused, step.tally)
			}
			if got := d.One(theOrder); got != step.order {
				t.Errorf("step %d: order %s, want %s", n, got, step.order)
			}
			if got := d.One(factsOf + "'M-1'"); got != step.facts {
				t.Errorf("step %d: facts of M-1 %s, want %s", n, got, step.facts)
			}
		}
	})
}

func TestALiveEventGoesOnFromAnImportedOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.Take(importer.File{Kind: "orders", Source: "standard", Path: file(t, "o.csv", "order,member,at,total,product\nO-1,M-1,2027-03-01,10.00,A\n")})
		d.Stored(about(loyalty.OrderRefunded, "e1", 0, given("r1", 400)))
		if got, want := d.One(theOrder), "M-1 paid 1000-400 x1  day 20878 lines 1"; got != want {
			t.Errorf("order %s, want %s", got, want)
		}
		refund := about(loyalty.OrderRefunded, "e2", 1, given("r2", 600))
		refund.Member = loyalty.Member{} // whose order it is, we know
		d.Stored(refund)
		if got, want := d.One(factsOf+"'M-1'"), "0 orders, 0 spent, 0 points"; got != want {
			t.Errorf("facts %s, want %s", got, want)
		}
	})
}

// The rows of one order may stand anywhere, side by side with those of others or apart.
func TestRowsOfAnOrderMayStandApart(t *testing.T) {
	t.Parallel()
	const sums = "select cast(sum(total) as bigint) || ' of ' || count(*) || ', ' || (select count(*) from order_lines) || ' lines' from orders"
	const orders = 700
	row := func(o, n int) string { return fmt.Sprintf("O-%d,M-%d,2027-03-01,P-%d,%d\n", o, o, n, n) }
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, stand := range map[string]func(b *strings.Builder){
			"side by side": func(b *strings.Builder) {
				for i := range 3 * orders {
					b.WriteString(row(i/3, i%3+1))
				}
			},
			"one round after another": func(b *strings.Builder) {
				for i := range 3 * orders {
					b.WriteString(row(i%orders, i/orders+1))
				}
			},
			"the last of them after all others": func(b *strings.Builder) {
				for i := range 2 * orders {
					b.WriteString(row(i/2, i%2+1))
				}
				for o := range orders {
					b.WriteString(row(o, 3))
				}
			},
		} {
			clear(t, db)
			d := newDoor(t, db)
			var b strings.Builder
			b.WriteString("order,member,at,product,line_total\n")
			stand(&b)
			if got, refused := d.Take(importer.File{Kind: "orders", Path: file(t, "o.csv", b.String())}); got != "2100 read, 700 new, 0 updated, 0 unchanged, 0 refused" {
				t.Errorf("%s: %s %v", name, got, refused)
			}
			if got := d.One(sums); got != "420000 of 700, 2100 lines" {
				t.Errorf("%s: orders %s", name, got)
			}
		}
	})
}

func TestAnInterruptedImportGoesOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		var b strings.Builder
		b.WriteString("member,at,total\n")
		for n := range 12_000 {
			fmt.Fprintf(&b, "M-%d,2027-03-01,1\n", n%700)
		}
		ctx, stop := context.WithCancel(context.Background())
		im := importer.File{Kind: "orders", OrderID: "row", Path: file(t, "o.csv", b.String())}
		im.Progress = func(read, total int64) {
			if read > total || total == 0 {
				t.Errorf("progress %d of %d", read, total)
			}
			if d.One("select count(*) from orders") != "0" {
				stop()
			}
		}
		tally, err := d.Import(ctx, im)
		whole := tally.New > 0 && tally.New < 12_000
		for _, count := range []string{"select count(*) from orders", "select cast(sum(orders) as bigint) from facts"} {
			whole = whole && d.One(count) == fmt.Sprint(tally.New)
		}
		if !errors.Is(err, context.Canceled) || !whole {
			t.Fatalf("interrupted: %v, %v, want whole batches", tally, err)
		}
		im.Progress = nil
		want := fmt.Sprintf("12000 read, %d new, 0 updated, %d unchanged, 0 refused", 12_000-tally.New, tally.New)
		if got, _ := d.Take(im); got != want {
			t.Errorf("begun again: %s, want %s", got, want)
		}
	})
}

func TestSuppressionsFile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		im := importer.File{Kind: "suppressions", Path: file(t, "s.csv", "Email\nana@example.test\nANA@example.test\nnobody\nbo@example.test\n")}
		for _, want := range []string{"4 read, 2 new, 0 updated, 1 unchanged, 1 refused", "4 read, 0 new, 0 updated, 3 unchanged, 1 refused"} {
			if got, refused := d.Take(im); got != want || len(refused) != 1 {
				t.Errorf("Import = %s %v, want %s", got, refused, want)
			}
		}
	})
}

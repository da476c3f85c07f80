package importer_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"regulars/internal/importer"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// noting imports and returns the tally, the notes and the refusals.
func (d door) noting(im importer.File) (string, string) {
	d.T.Helper()
	var said []string
	im.Noted = func(n loyalty.Note) { said = append(said, fmt.Sprintf("%d %s", n.Line, n)) }
	im.Refused = func(r loyalty.Note) { said = append(said, fmt.Sprintf("refused %d %s", r.Line, r)) }
	tally, err := d.Import(d.T.Context(), im)
	if err != nil {
		d.T.Fatal(err)
	}
	return tally.String(), strings.Join(said, "\n")
}

// orders are the orders of a test's database with their lines.
func (d door) orders() string {
	d.T.Helper()
	all := d.Rows("select o.external_id || ' ' || m.external_id || ' ' || o.status || ' ' || o.total || ' x' || o.quantity from orders o join members m on m.id = o.member_id order by o.external_id")
	for i, o := range all {
		id, _, _ := strings.Cut(o, " ")
		for _, l := range d.Rows("select ' ' || l.product || ':' || l.quantity || ':' || l.total from order_lines l join orders o on o.id = l.order_id where o.external_id = '" + id + "' and l.product <> '' order by l.n") {
			all[i] += l
		}
	}
	return strings.Join(all, "; ")
}

func TestWhatStandsOnOneRowIsSaidOfTheOrder(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, content, want, orders string }{
		{"on the first row only", "order,member,at,status,product,quantity,total\nO-1,M-1,2027-03-01,cancelled,A,2,18\nO-1,,,,B,1,12\n", "1 new, 0 updated, 0 unchanged, 0 refused",
			"O-1 M-1 cancelled 3000 x3 A:2:1800 B:1:1200"},
		{"on the last row only", "order,member,at,status,product,quantity,total\nO-1,,,,A,2,18\nO-2,M-1,2027-03-01,,C,1,1\nO-1,M-1,2027-03-01,pending,B,1,12\n", "2 new, 0 updated, 0 unchanged, 0 refused",
			"O-1 M-1 pending 3000 x3 A:2:1800 B:1:1200; O-2 M-1 paid 100 x1 C:1:100"},
		{"with cells that are not there", "order,member,product,quantity,total,at,status\nO-1,M-1,A,2,18,2027-03-01,paid\nO-1,,B,1,12\n", "1 new, 0 updated, 0 unchanged, 0 refused",
			"O-1 M-1 paid 3000 x3 A:2:1800 B:1:1200"},
		{"nowhere: the time", "order,member,at,total\nO-1,M-1,,18\nO-1,,,12\n", "0 new, 0 updated, 0 unchanged, 2 refused", ""},
		{"nowhere: whose it is", "order,member,at,total\nO-1,,2027-03-01,18\n", "0 new, 0 updated, 0 unchanged, 1 refused", ""},
		{"differently: the status", "order,member,at,total,status\nO-1,M-1,2027-03-01,18,paid\nO-1,M-1,2027-03-01,12,cancelled\n", "0 new, 0 updated, 0 unchanged, 2 refused", ""},
		{"differently: the currency", "order,member,at,total,currency\nO-1,M-1,2027-03-01,18,EUR\nO-1,M-1,2027-03-01,12,SEK\n", "0 new, 0 updated, 0 unchanged, 2 refused", ""},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for _, tt := range tests {
			clear(t, db)
			got, said := d.noting(importer.File{Kind: "orders", Path: file(t, "o.csv", tt.content)})
			if orders := d.orders(); !strings.HasSuffix(got, tt.want) || orders != tt.orders {
				t.Errorf("%s: %s, %s, want %s, %s\n%s", tt.name, got, orders, tt.want, tt.orders, said)
			}
		}
	})
}

func TestAnOrdersTotalBesideWhatItsLinesCost(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, content, orders, said string }{
		{"on the first row, as Shopify writes it", "order,member,at,total,quantity,Lineitem price,product\nO-1,M-1,2027-03-01,35,2,9.00,A\nO-1,,2027-03-01,,1,12.00,B\n",
			"O-1 M-1 paid 3500 x3 A:2:1800 B:1:1200", ""},
		{"on every row, as WooCommerce writes it", "order,member,at,total,quantity,Item Cost,product\nO-1,M-1,2027-03-01,35,2,9.00,A\nO-1,M-1,2027-03-01,35,1,12.00,B\n",
			"O-1 M-1 paid 3500 x3 A:2:1800 B:1:1200", ""},
		{"on every row of lines that cost the same", "order,member,at,total,quantity,price,product\nO-1,M-1,2027-03-01,19,1,9.00,A\nO-1,M-1,2027-03-01,19,1,9.00,B\n",
			"O-1 M-1 paid 1900 x2 A:1:900 B:1:900", ""},
		{"of the line, beside the price of a piece", "order,member,at,total,quantity,unit price,product\nO-1,M-1,2027-03-01,18,2,9.00,A\nO-1,M-1,2027-03-01,12,1,12.00,B\n",
			"O-1 M-1 paid 3000 x3 A:2:1800 B:1:1200", ""},
		{"of the line, with a discount", "order,member,at,total,quantity,unit price,product\nO-1,M-1,2027-03-01,16,2,9.00,A\nO-1,M-1,2027-03-01,12,1,12.00,B\n",
			"O-1 M-1 paid 2800 x3 A:2:1600 B:1:1200", ""},
		{"nowhere", "order,member,at,quantity,price,product\nO-1,M-1,2027-03-01,2,9.00,A\nO-1,M-1,2027-03-01,1,12.00,B\n",
			"O-1 M-1 paid 3000 x3 A:2:1800 B:1:1200", ""},
		{"both by their names", "order,member,at,order_total,line_total,quantity,product\nO-1,M-1,2027-03-01,28,18,2,A\nO-1,,,,12,1,B\n",
			"O-1 M-1 paid 2800 x3 A:2:1800 B:1:1200", ""},
		{"a price of parts of a cent, and weights", "order,member,at,quantity,price,product\nO-1,M-1,2027-03-01,1000,0.1234,A\nO-1,M-1,2027-03-01,0.4,20.00,B\n",
			"O-1 M-1 paid 13140 x1001 A:1000:12340 B:1:800", `3 quantity: "0.4" is no number of pieces: it counts as one`},
		{"that may be either", "order,member,at,total,quantity,price,product\nO-1,M-1,2027-03-01,8,1,9.00,A\nO-1,M-1,2027-03-01,8,1,9.00,B\n", "", "refused 2 total: 2 rows say the same from line 2 on"},
		{"that differs from row to row", "order,member,at,order_total,line_total,product\nO-1,M-1,2027-03-01,35,18,A\nO-1,M-1,2027-03-01,36,12,B\n", "", "refused 2 order_total: line 2 and line 3 of the same order say different amounts"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for _, tt := range tests {
			clear(t, db)
			_, said := d.noting(importer.File{Kind: "orders", Path: file(t, "o.csv", tt.content)})
			if orders := d.orders(); orders != tt.orders || !strings.HasPrefix(said, tt.said) || tt.said == "" && said != "" {
				t.Errorf("%s: %s, want %s\n%s\nwant %s", tt.name, orders, tt.orders, said, tt.said)
			}
		}
	})
}

func TestRowsOfOneNumberThatAreTwoOrders(t *testing.T) {
	t.Parallel()
	const receipts = "order,email,at,shop,total\n1001,ida@example.test,2027-03-01 10:00,Kamppi,10\n1001,jon@example.test,2027-03-02 10:00,Kamppi,20\n1001,kim@example.test,2027-03-02 10:00,Itis,30\n1001,,,,5\n"
	tests := []struct{ name, content, said string }{
		{"of two addresses", "order,email,at,total\n1,ida@example.test,2027-03-01,10\n1,jon@example.test,2027-03-01,10\n", "refused 3 email: order 1 is of ida@example.test in line 2 and of jon@example.test here"},
		{"of two cards", "order,card,at,total\n1,A,2027-03-01,10\n1,B,2027-03-01,10\n", "refused 3 card: order 1 is of A in line 2 and of B here"},
		{"of two phones", "order,phone,at,total\n1,+358 40 111,2027-03-01,10\n1,+358 40 112,2027-03-01,10\n", "refused 3 phone: order 1 is of +35840111 in line 2"},
		{"of two ids of a source", "order,ids.till,at,total\n1,A,2027-03-01,10\n1,B,2027-03-01,10\n", "refused 3 ids.till: order 1 is of A in line 2"},
		{"of one member and two addresses", "order,member,email,at,total\n1,M-1,ida@example.test,2027-03-01,10\n1,M-1,jon@example.test,2027-03-01,10\n", "refused 3 email: order 1 is of ida"},
		{"of two days", "order,member,at,total\n1,M-1,2027-03-01,10\n1,M-1,2027-03-02,10\n", "refused 3 at: order 1 is of 2027-03-01 in line 2 and of 2027-03-02 here"},
		{"of a number without its end", "order,email,at,total\n5.79001E+15,ida@example.test,2027-03-01,10\n", `refused 2 order: "5.79001E+15" is a number whose last digits a spreadsheet has dropped`},
		{"of such a member", "order,member,at,total\n1,4.2E+12,2027-03-01,10\n", `refused 2 member: "4.2E+12" is a number whose last digits`},
		{"of such a card", "order,card,at,total\n1,\"6,4E+12\",2027-03-01,10\n", `refused 2 card: "6,4E+12" is a number`},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for _, tt := range tests {
			clear(t, db)
			if _, said := d.noting(importer.File{Kind: "orders", Path: file(t, "o.csv", tt.content)}); !strings.Contains(said, tt.said) || d.One("select count(*) from orders") != "0" {
				t.Errorf("%s: %s orders\n%s\nwant %s", tt.name, d.One("select count(*) from orders"), said, tt.said)
			}
		}
		clear(t, db)
		im := importer.File{Kind: "orders", Path: file(t, "o.csv", receipts), Key: importer.NumberDayShop}
		got, said := d.noting(im)
		if want := "4 read, 3 new, 0 updated, 0 unchanged, 0 refused"; got != want {
			t.Errorf("by number, day and shop: %s, want %s\n%s", got, want, said)
		}
		if got, want := strings.Join(d.Rows("select external_id || ' ' || total from orders order by 1"), ", "), "1001/2027-03-01/Kamppi 1000, 1001/2027-03-02/Itis 3500, 1001/2027-03-02/Kamppi 2000"; got != want {
			t.Errorf("orders %s, want %s", got, want)
		}
		if got, _ := d.noting(im); got != "4 read, 0 new, 0 updated, 3 unchanged, 0 refused" {
			t.Errorf("again: %s", got)
		}
		clear(t, db)
		d.noting(importer.File{Kind: "orders", Path: file(t, "o.csv", "order,member,at,total\n1,M-1,2027-03-01,10\n")})
		rejects := filepath.Join(t.TempDir(), "r.csv")
		got, said = d.noting(importer.File{Kind: "orders", Rejects: rejects, Path: file(t, "p.csv", "order,member,at,total\n1,M-2,2027-02-01,20\n1,,,5\n")})
		if got != "2 read, 0 new, 0 updated, 0 unchanged, 2 refused" || !strings.Contains(said, "refused 3 order: 1 is known already, of another member and of 2027-03-01") || d.One("select count(*) from members") != "1" {
			t.Errorf("the number of another order in another file: %s\n%s", got, said)
		}
		if kept, err := os.ReadFile(rejects); err != nil || !strings.Contains(string(kept), ",1,M-2,2027-02-01,20\n") || !strings.Contains(string(kept), ",1,,,5\n") {
			t.Errorf("rejects %s %v", kept, err)
		}
	})
}

func TestWhatCannotBeReadIsLeftOutAndSaid(t *testing.T) {
	t.Parallel()
	content := `member,email,phone,first_name,birthday,country,language,time_zone,tags,consent.offers,consent.newsletter
M-1,ida@gmail;com,+358401112223,Ida,02/03,the Finland,Finnish,Helsinki,vip,perhaps,yes
M-2,jon@example.test,,Jon,--02-29,Narnia,Klingonese,Middle Earth,,no,yes
M-3,kim@example.test,,` + strings.Repeat("Kim", 200) + `,24.12.1980,fin,SUOMI,europe/helsinki,,yes,no
,lea@,,Lea,,,,,,,
`
	want := []string{
		`2 email: "ida@gmail;com" is not an address`, `2 Birthday: "02/03": may be two days: say --dates dmy`, `2 consent.offers: "perhaps" is neither yes nor no`,
		`3 country: "Narnia" is neither a country's letters`, `3 language: "Klingonese" is neither a language's tag`, `3 time_zone: "Middle Earth" is not a time zone`,
		`4 first_name: is longer than 500 characters`, `refused 5 email: "lea@" is not an address`,
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		im := importer.File{Kind: "members", Path: file(t, "m.csv", strings.Replace(content, "birthday", "Birthday", 1))}
		got, said := d.noting(im)
		if got != "4 read, 3 new, 0 updated, 0 unchanged, 1 refused, 7 noted" {
			t.Errorf("Import = %s", got)
		}
		for _, w := range want {
			if !strings.Contains("\n"+said, "\n"+w) {
				t.Errorf("nothing is said like %q, only\n%s", w, said)
			}
		}
		const people = `select external_id || ' ' || email || ' ' || phone || ' ' || first_name || ' ' || country || ' ' || language || ' ' || time_zone || ' ' || coalesce(birth_month, 0) from members order by 1`
		if got, want := strings.Join(d.Rows(people), "\n"), "M-1  +358401112223 Ida FI fi Europe/Helsinki 0\nM-2 jon@example.test  Jon    2\nM-3 kim@example.test   FI fi Europe/Helsinki 12"; got != want {
			t.Errorf("people\n%s\nwant\n%s", got, want)
		}
		clear(t, db)
		im.Dates = importer.MonthFirst
		if d.noting(im); d.One("select birth_month || '-' || birth_date from members where external_id = 'M-1'") != "2-3" {
			t.Errorf("a birthday with its month first: %s", d.One("select birth_month || '-' || birth_date from members where external_id = 'M-1'"))
		}
	})
}

func TestAnEventIsStoredWithoutWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	placed := func(change func(*loyalty.Event)) loyalty.Event {
		e := about(loyalty.OrderPlaced, "e", 0, total(5990))
		change(&e)
		return e
	}
	tests := []struct {
		name  string
		event loyalty.Event
		state intake.State
		field string
	}{
		{"an address", placed(func(e *loyalty.Event) { e.Member.Email = "ida@gmail,com" }), intake.Stored, "member.email"},
		{"a birthday", placed(func(e *loyalty.Event) { e.Member.Birthday = "02/28" }), intake.Stored, "member.birthday"},
		{"a country", placed(func(e *loyalty.Event) { e.Member.Country = "XX" }), intake.Stored, "member.country"},
		{"a language", placed(func(e *loyalty.Event) { e.Member.Language = "Elvish tongue" }), intake.Stored, "member.language"},
		{"a zone", placed(func(e *loyalty.Event) { e.Member.TimeZone = "Mars/Base" }), intake.Stored, "member.time_zone"},
		{"a topic", placed(func(e *loyalty.Event) { e.Member.Consent = map[string]bool{"sms": true} }), intake.Stored, "member.consent.sms"},
		{"a tag", placed(func(e *loyalty.Event) { e.Member.Tags = []string{strings.Repeat("x", 300)} }), intake.Stored, "member.tags"},
		{"a phone", placed(func(e *loyalty.Event) { e.Member.Phone = "3.58E+11" }), intake.Stored, "member.phone"},
		{"a shop", placed(func(e *loyalty.Event) { e.Order.Shop = strings.Repeat("x", 300) }), intake.Stored, "order.shop"},
		{"a product", placed(func(e *loyalty.Event) { e.Order.Lines = []loyalty.Line{{Product: "6.4E+12", Quantity: 1}} }), intake.Stored, "order.lines[0].product"},
		{"a code", placed(func(e *loyalty.Event) { e.Order.Coupons = []loyalty.UsedCoupon{{Code: strings.Repeat("x", 300)}} }), intake.Stored, "order.coupons[0].code"},
		{"a property", placed(func(e *loyalty.Event) { e.Properties = map[string]any{"_x": 1} }), intake.Stored, "properties._x"},
		{"the only thing that says whose it is", placed(func(e *loyalty.Event) { e.Member = loyalty.Member{Email: "ida@gmail,com"} }), intake.Refused, "member.email"},
		{"an id", placed(func(e *loyalty.Event) { e.Member.ID = "5.79E+15" }), intake.Refused, "member.id"},
		{"the order's number", placed(func(e *loyalty.Event) { e.Order.ID = "5.79001E+15" }), intake.Refused, "order.id"},
		{"its status", placed(func(e *loyalty.Event) { e.Order.Status = "done" }), intake.Refused, "order.status"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for _, tt := range tests {
			clear(t, db)
			r := d.Answers(tt.event)[0]
			got := r.Field
			if len(r.Notes) == 1 {
				got = r.Notes[0].Field
			}
			if r.State != tt.state || got != tt.field || tt.state == intake.Stored && d.One("select count(*) from orders where total = 5990") != "1" {
				t.Errorf("%s: %+v, want it %s with %s", tt.name, r, tt.state, tt.field)
			}
		}
	})
}

func TestAFileOfWhichNothingIsReadIsNoSuccess(t *testing.T) {
	t.Parallel()
	bomb := func(begin, chunk string, times int) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte("member,email\n" + begin))
		for range times {
			z.Write([]byte(chunk))
		}
		z.Close()
		return b.String()
	}
	tests := []struct{ name, kind, content, want string }{
		{"members, a header only", "members", "member,email\n", "there is no row"},
		{"orders, a header only", "orders", "order,at,member\r\n", "there is no row"},
		{"suppressions, a header only", "suppressions", "email", "there is no row"},
		{"suppressions, blank lines", "suppressions", "email\n\n\n", "there is no row"},
		{"suppressions without a header", "suppressions", "a@example.test\rb@example.test\r", "no column email"},
		{"empty", "suppressions", "", "it is empty"},
		{"a byte order mark alone", "members", "\ufeff", "it is empty"},
		{"a workbook", "members", "PK\x03\x04\x14\x00", "it is a workbook (.xlsx, .ods) or another zip archive"},
		{"an old workbook", "members", "\xd0\xcf\x11\xe0\xa1", "it is a workbook (.xls)"},
		{"UTF-16 without a mark", "orders", "o\x00r\x00", "it is not text"},
		{"JSON", "orders", `[{"order": 1}]`, "it is JSON"},
		{"a web page", "orders", "<!DOCTYPE html><html>", "it is a web page"},
		{"a header of Windows-1252", "members", "member,pr\xe9nom\n1,a\n", "its first line is not UTF-8"},
		{"two columns of one name", "members", "member,email,Email\n1,a@example.test,b@example.test\n", "two columns for email"},
		{"a row without an end", "members", "member,email\nM-1,\"" + strings.Repeat("x", 3<<20), "the row after line 1 is longer than 1 MB"},
		{"a packed row without an end", "members", bomb("\"", strings.Repeat("x\n", 1<<19), 4), "the row after line 1 is longer than 1 MB"},
		{"a header without an end", "members", strings.Repeat("x", 3<<20), "its first line is longer than 1 MB"},
		{"a header of very many columns", "members", strings.Repeat("x,", 3000), "names 3001 columns"},
		{"much out of little", "suppressions", bomb("", strings.Repeat(strings.Repeat(" ", 1<<15-1)+"\n", 1<<5), 300), "it unpacks to more than 256 MB"},
	}
	db := storetest.SQLite(t)
	d := newDoor(t, db)
	for _, tt := range tests {
		if tally, err := d.Import(t.Context(), importer.File{Kind: tt.kind, Path: file(t, "f.csv", tt.content)}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v, want an error with %q", tt.name, tally, err, tt.want)
		}
	}
}

// inUTF16 is a text in UTF-16 with a mark.
func inUTF16(text string, big bool) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		if big {
			b = binary.BigEndian.AppendUint16(b, unit)
		} else {
			b = binary.LittleEndian.AppendUint16(b, unit)
		}
	}
	return string(b)
}

func TestLettersOfWindowsAreReadWhereSomebodySaysSo(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	d := newDoor(t, db)
	im := importer.File{Kind: "members", Path: file(t, "m.csv", "member,first_name\nM-1,Bj\xf6rn\n")}
	if got, said := d.noting(im); !strings.Contains(said, "column first_name is not UTF-8: say --encoding windows-1252") {
		t.Errorf("%s\n%s", got, said)
	}
	im.Charset = importer.Western
	if got, said := d.noting(im); d.One("select first_name from members") != "Björn" {
		t.Errorf("%s\n%s, %s", got, said, d.One("select first_name from members"))
	}
}

func TestFilesAsProgramsWriteThem(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, content string }{
		{"line ends of old Macs", "member,email,first_name\rM-1,ida@example.test,Ida\rM-2,jon@example.test,Jon\r"},
		{"line ends of three systems", "member,email,first_name\r\nM-1,ida@example.test,Ida\rM-2,jon@example.test,Jon\n"},
		{"quotes and old line ends", "\"member\",\"email\",\"first_name\"\r\"M-1\",\"ida@example.test\",\"Ida\"\r\"M-2\",\"jon@example.test\",\"Jon\""},
		{"a line that says what stands between fields", "sep=;\r\nmember;email;first_name\r\nM-1;ida@example.test;Ida\r\nM-2;jon@example.test;Jon\r\n"},
		{"a mark, and such a line in quotes", "\ufeff\"sep=|\"\nmember|email|first_name\nM-1|ida@example.test|Ida\nM-2|jon@example.test|Jon\n"},
		{"bars", "member|email|first_name\nM-1|ida@example.test|Ida\nM-2|jon@example.test|Jon\n"},
		{"rows without their empty ends", "member,email,first_name,phone,tags\nM-1,ida@example.test,Ida,,\nM-2,jon@example.test,Jon\n"},
		{"UTF-16 of little ends", inUTF16("member,email,first_name\r\nM-1,ida@example.test,Ida\r\nM-2,jon@example.test,Jon\r\n", false)},
		{"UTF-16 of big ends", inUTF16("member\temail\tfirst_name\nM-1\tida@example.test\tIda\nM-2\tjon@example.test\tJon", true)},
		{"a header as people write it", " Member ,E-mail,Email,FIRST name\nM-1,x,ida@example.test,Ida\nM-2,x,jon@example.test,Jon\n"},
		{"accents in two parts", "member,email,first_name\nM-1,ida@example.test,Ida\nM-2,jon@example.test,Jon\n"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for _, tt := range tests {
			clear(t, db)
			got, said := d.noting(importer.File{Kind: "members", Path: file(t, "m.csv", tt.content)})
			people := strings.Join(d.Rows("select external_id || ' ' || email || ' ' || first_name from members order by 1"), ", ")
			if got != "2 read, 2 new, 0 updated, 0 unchanged, 0 refused" || people != "M-1 ida@example.test Ida, M-2 jon@example.test Jon" {
				t.Errorf("%s: %s, %s\n%s", tt.name, got, people, said)
			}
		}
		clear(t, db)
		d.noting(importer.File{Kind: "members", Path: file(t, "m.csv", "member,tags\nM-1,cafe\u0301\nM-2,caf\u00e9\n")})
		if got := d.One("select count(distinct tag) from member_tags"); got != "1" {
			t.Errorf("an accent composed and not makes %s tags", got)
		}
	})
}

func TestRejectsAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	d := newDoor(t, storetest.SQLite(t))
	rejects := filepath.Join(t.TempDir(), "rejects.csv")
	if err := os.WriteFile(rejects, []byte(strings.Repeat("of an earlier import\n", 100)), 0o644); err != nil {
		t.Fatal(err)
	}
	d.noting(importer.File{Kind: "members", Rejects: rejects, Path: file(t, "m.csv", "member,points\nM-1,\nM-2,1.5\n")})
	info, err := os.Stat(rejects)
	text, _ := os.ReadFile(rejects)
	if err != nil || info.Mode().Perm() != 0o600 || !strings.Contains(string(text), "not a whole number of points") || strings.Contains(string(text), "earlier") {
		t.Errorf("%v %v\n%s", info.Mode(), err, text)
	}
}

// In a file of people or of their points a column id is theirs, unless another one is; in
// one of orders it may be the order's.
func TestTheIDOfAMembersFileIsTheMembers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, tt := range []struct{ header, want string }{
			{"id", "TILL-1 true"}, {"ID", "TILL-1 true"}, {"Member ID", "TILL-1 true"}, {"external_id", "TILL-1 true"}, {"row id", "regulars: false"},
		} {
			clear(t, db)
			d := newDoor(t, db)
			d.Take(importer.File{Kind: "members", Path: file(t, "m.csv", tt.header+",email\nTILL-1,ida@example.test\n")})
			if got := d.One("select case when named then external_id else 'regulars:' end || ' ' || case when named then 'true' else 'false' end from members"); got != tt.want {
				t.Errorf("header %s: member %s, want %s", tt.header, got, tt.want)
			}
		}
		clear(t, db)
		d := newDoor(t, db)
		d.Take(importer.File{Kind: "members", Path: file(t, "m.csv", "id,member,email\n1,TILL-1,ida@example.test\n")})
		d.Take(importer.File{Kind: "orders", Path: file(t, "o.csv", "id,order,email,at,total\nX,O-1,ida@example.test,2027-03-01,1\n")})
		if got := d.One("select external_id || ' ' || (select count(*) from orders o where o.member_id = members.id) from members"); got != "TILL-1 1" {
			t.Errorf("an id beside a member, and of an order: %s", got)
		}
	})
}

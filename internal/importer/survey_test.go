package importer_test

import (
	"strings"
	"testing"

	"regulars/internal/importer"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestTheWholeOfAColumnTellsHowItIsWritten(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, content string
		im            importer.File
		days, how     string
		said          string
	}{
		{"a day beyond the twelfth stands first", "order,member,at,total\n1,M-1,01/02/2027,1\n2,M-1,13/02/2027,2\n", importer.File{}, "20850 20862", "at has the day first", ""},
		{"or second", "order,member,at,total\n1,M-1,01/02/2027 10:00,1\n2,M-1,02/13/2027 10:00,2\n", importer.File{}, "20820 20862", "at has the month first", ""},
		{"or both: nobody knows", "order,member,at,total\n1,M-1,13/02/2027,1\n2,M-1,02/13/2027,2\n", importer.File{}, "", "", "refused 2 at: \"13/02/2027\" may be two days"},
		{"or neither", "order,member,at,total\n1,M-1,01/02/2027,1\n", importer.File{}, "", "", "refused 2 at: \"01/02/2027\" may be two days"},
		{"what somebody says goes before", "order,member,at,total\n1,M-1,01/02/2027,1\n2,M-1,13/02/2027,2\n", importer.File{Dates: importer.MonthFirst}, "20820", "", "refused 3 at: \"13/02/2027\" is not a moment"},
		{"a year of two digits ends it, the day cannot stand first", "order,member,at,total\n1,M-1,02/01/27,1\n2,M-1,02/13/27,2\n", importer.File{}, "20850 20862", "at has the month first", ""},
		{"or it may begin with its year", "order,member,at,total\n1,M-1,13/02/27,1\n", importer.File{}, "", "", "refused 2 at: \"13/02/27\" may be two days"},
		{"all are counted by a spreadsheet", "order,member,at,total\n1,M-1,46419,1\n2,M-1,46431.75,2\n", importer.File{}, "20850 20862", "at counts days as spreadsheets do", ""},
		{"one is counted by a spreadsheet", "order,member,at,total\n1,M-1,46419,1\n2,M-1,2027-02-13,2\n", importer.File{}, "20862", "", "refused 2 at: \"46419\" is how a spreadsheet counts days: say --dates serial"},
		{"one is, and somebody says so", "order,member,at,total\n1,M-1,46419,1\n2,M-1,2027-02-13,2\n", importer.File{Dates: importer.Serial}, "20850 20862", "", ""},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for _, tt := range tests {
			clear(t, db)
			how := ""
			tt.im.Kind, tt.im.Path, tt.im.Taken = "orders", file(t, "o.csv", tt.content), func(r importer.Reading) { how = strings.Join(r.How, ", ") }
			_, said := d.noting(tt.im)
			if days := strings.Join(d.Rows("select cast(day as text) from orders order by day"), " "); days != tt.days || how != tt.how || !strings.HasPrefix(said, tt.said) || tt.said == "" && said != "" {
				t.Errorf("%s: days %s, %s, %s; want %s, %s, %s", tt.name, days, how, said, tt.days, tt.how, tt.said)
			}
			if tt.said == "" {
				if again, _ := d.noting(tt.im); !strings.Contains(again, " 0 new, 0 updated, 2 unchanged") {
					t.Errorf("%s, again: %s", tt.name, again)
				}
			}
		}
	})
}

func TestTheWholeFileTellsWhatStandsBeforeDecimals(t *testing.T) {
	t.Parallel()
	const header = "order;member;at;total;discount\n"
	tests := []struct {
		name, rows string
		decimal    importer.Decimal
		totals     string
		said       string
	}{
		{"a comma once before two digits", "1;M-1;2027-02-01;1.234,50;0\n2;M-1;2027-02-01;2.000;0\n", "", "123450 200000", ""},
		{"a comma in another column", "1;M-1;2027-02-01;1,234;0,5\n", "", "123", "2 total: \"1,234\" has more decimals"},
		{"a point once before two digits", "1;M-1;2027-02-01;1,234;0\n2;M-1;2027-02-01;20.00;0\n", "", "2000 123400", ""},
		{"neither", "1;M-1;2027-02-01;1,234;0\n", "", "", "refused 2 total: \"1,234\" may be two amounts: say --decimal"},
		{"neither, and somebody says it", "1;M-1;2027-02-01;1,234;0\n", ".", "123400", ""},
		{"both", "1;M-1;2027-02-01;10,50;0\n2;M-1;2027-02-01;10.50;0\n", "", "1050", "refused 2 total: \"10,50\" is not an amount like the others of the file: say --decimal"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for _, tt := range tests {
			clear(t, db)
			_, said := d.noting(importer.File{Kind: "orders", Path: file(t, "o.csv", header+tt.rows), Decimal: tt.decimal})
			if totals := strings.Join(d.Rows("select cast(total as text) from orders order by total"), " "); totals != tt.totals && totals != reversed(tt.totals) || !strings.HasPrefix(said, tt.said) || tt.said == "" && said != "" {
				t.Errorf("%s: %s, %s; want %s, %s", tt.name, totals, said, tt.totals, tt.said)
			}
		}
	})
}

func reversed(words string) string {
	a, b, _ := strings.Cut(words, " ")
	return b + " " + a
}

func TestWordsForStatusesAndColumnsWithCommas(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	d := newDoor(t, db)
	im := importer.File{Kind: "orders", Path: file(t, "o.csv", "\"No, long\",member,at,total,status\n1,M-1,2027-02-01,1,Shipped\n2,M-1,2027-02-01,1,Parked\n")}
	var err error
	if im.Map, err = importer.ParseMap(`order="No, long"`); err != nil {
		t.Fatal(err)
	}
	if _, said := d.noting(im); !strings.Contains(said, `refused 2 status: "shipped" is none of pending, paid, cancelled, refunded, test; --status WORD=paid`) {
		t.Error(said)
	}
	if im.Status, err = importer.ParseStatuses("shipped=paid, Parked=pending"); err != nil {
		t.Fatal(err)
	}
	d.noting(im)
	if got, want := strings.Join(d.Rows("select external_id || ' ' || status from orders order by 1"), ", "), "1 paid, 2 pending"; got != want {
		t.Errorf("orders %s, want %s", got, want)
	}
	for text, want := range map[string]string{"a=b,a=c": "a is mapped twice", "a": `"a" should be field=column; a column with a comma in its name stands in quotes`, `"a=b, c"`: "", `a="b ""c"""`: ""} {
		if _, err := importer.ParseMap(text); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("ParseMap(%s): %v, want %q", text, err, want)
		}
	}
	if _, err := importer.ParseStatuses("done=finished"); err == nil || !strings.Contains(err.Error(), `"finished" is no status`) {
		t.Error(err)
	}
}

func TestAnOrderOfAFileAndOfAWebhookIsOne(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		const header = "Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Refunded Amount,Id\n"
		export := func(refunded string) string {
			return file(t, "o.csv", header+"#1001,ana@example.test,paid,EUR,30.00,2027-02-01 10:00:00 +0000,3,Ball,10.00,B,"+refunded+",'4501\n")
		}
		of := func(kind, id string, minutes int, change func(*loyalty.Event)) loyalty.Event {
			e := event(kind, id, minutes, loyalty.Member{IDs: map[string]string{"shopify": "77"}, Email: "ana@example.test"})
			e.Order = &loyalty.Order{ID: "4501"}
			if change != nil {
				change(&e)
			}
			return e
		}
		want := func(when, want string) {
			t.Helper()
			if got := strings.Join(d.Rows("select o.external_id || ' ' || o.total || '-' || o.refunded || ' ' || (select coalesce(sum(r.total), 0) from refunds r where r.order_id = o.id) from orders o"), ", "); got != want {
				t.Errorf("%s: %s, want %s", when, got, want)
			}
		}
		d.noting(importer.File{Kind: "orders", Path: export("10.00")})
		want("of the file", "4501 3000-1000 1000")
		d.Stored(of(loyalty.OrderChanged, "e1", -10, func(e *loyalty.Event) { e.Order.Total, e.Order.HasTotal = 3000, true }))
		want("told again by a webhook", "4501 3000-1000 1000")
		d.Stored(of(loyalty.OrderRefunded, "e2", -10, given("r1", 400)))
		want("a refund from before the file is part of what that says", "4501 3000-1000 1000")
		d.DB = d.DB.At(storetest.Start.Add(48 * 3600e9))
		later := newDoor(t, d.DB)
		later.Stored(of(loyalty.OrderRefunded, "e3", 60, given("r2", 500)))
		want("one from after it comes on top", "4501 3000-1500 1500")
		later.noting(importer.File{Kind: "orders", Path: export("15.00")})
		want("the next file says the same", "4501 3000-1500 1500")
		later.noting(importer.File{Kind: "orders", Path: export("17.00")})
		want("and one more says more", "4501 3000-1700 1700")
		later.noting(importer.File{Kind: "orders", Path: export("30.00")})
		if got := d.One("select status || ' ' || refunded from orders"); got != "refunded 3000" {
			t.Errorf("given back in all: %s", got)
		}
	})
}

func TestAnAnswerOfASystemDoesNotStandOverALaterNo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		topics := func() string {
			return strings.Join(d.Rows("select m.email || ' ' || t.topic || case when t.granted then ' yes' else ' no' end from member_topics t join members m on m.id = t.member_id order by 1"), ", ")
		}
		refuse := event(loyalty.MemberChanged, "e1", -60, loyalty.Member{Email: "ana@example.test", Consent: map[string]bool{"offers": false}, ConsentAt: at(-60)})
		d.Stored(refuse)
		d.noting(importer.File{Kind: "members", Path: "testdata/mailchimp.subscribed.csv"})
		d.noting(importer.File{Kind: "members", Path: "testdata/shopify.customers.csv"})
		if got, want := topics(), "ana@example.test newsletter yes, ana@example.test offers no, bo@example.test newsletter no, bo@example.test offers no"; got != want {
			t.Errorf("a yes of before, and one of nobody knows when, over a no: %s, want %s", got, want)
		}
		d.empty()
		list := file(t, "m.csv", "email,first_name\nana@example.test,Ana\n")
		d.noting(importer.File{Kind: "members", Path: list, Consent: []string{"offers", "newsletter"}, ConsentSource: "till", ConsentDay: 20800})
		d.noting(importer.File{Kind: "members", Path: list, Refusal: []string{"newsletter"}, RefusedDay: 20810, ConsentSource: "list"})
		if got, want := topics(), "ana@example.test newsletter no, ana@example.test offers yes"; got != want {
			t.Errorf("--refused newsletter: %s, want %s", got, want)
		}
		d.noting(importer.File{Kind: "members", Path: list, Refusal: []string{"offers"}, RefusedDay: 20790, ConsentSource: "list"})
		if got, want := topics(), "ana@example.test newsletter no, ana@example.test offers yes"; got != want {
			t.Errorf("a refusal of before the yes: %s, want %s", got, want)
		}
		d.empty()
		d.noting(importer.File{Kind: "members", Path: "testdata/mailchimp.unsubscribed.csv", Refusal: []string{"offers"}})
		if got, want := topics(), "cleo@example.test offers no"; got != want {
			t.Errorf("only from offers: %s, want %s", got, want)
		}
	})
}

func TestADryRunShowsTheFirstRowsAsTheyWouldBe(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		var shown []string
		f := importer.File{Kind: "orders", Path: "testdata/shopify.orders.csv", DryRun: true, Shown: func(s importer.Sample) { shown = append(shown, s.State+" "+s.Says) }}
		d.noting(f)
		want := "new order 820982911946154500 of ana@example.test on 2026-02-01 08:00, paid, 27.40 EUR, tax 5.79, shipping 4.90, discount 2.50, 2 × SKU-1 10.00, 1 × SKU-2 15.00, code SPRING-7"
		if len(shown) != 4 || shown[0] != want {
			t.Errorf("shown %d, first %q, want 4, first %q", len(shown), shown[0], want)
		}
		shown = nil
		d.noting(importer.File{Kind: "members", Path: "testdata/mailchimp.cleaned.csv", DryRun: true, Shown: f.Shown})
		if want := "new dan@example.test, Dan Aalto, joined 2025-05-01, address gets nothing"; len(shown) != 1 || shown[0] != want {
			t.Errorf("shown %q, want %q", shown, want)
		}
		var many strings.Builder
		many.WriteString("member\n")
		for n := range 50 {
			many.WriteString("M-" + strings.Repeat("x", n+1) + "\n")
		}
		shown = nil
		d.noting(importer.File{Kind: "members", Path: file(t, "m.csv", many.String()), DryRun: true, Shown: f.Shown})
		if len(shown) != 10 || d.One("select count(*) from members") != "0" {
			t.Errorf("of 50 members %d are shown, and %s are there", len(shown), d.One("select count(*) from members"))
		}
	})
}

func TestAReturnUnderATransactionOfItsOwnIsTakenOffWhatWasBought(t *testing.T) {
	t.Parallel()
	const content = "Date,Time,Time Zone,Item,Qty,SKU,Net Sales,Tax,Discounts,Transaction ID,Event Type,Customer ID\n" +
		"2027-02-01,10:00:00,Eastern Time (US & Canada),Ball,2.0,B,€20.00,€0.00,€0.00,TX1,Payment,SQ1\n" +
		"2027-02-03,10:00:00,Eastern Time (US & Canada),Ball,-1.0,B,(€10.00),€0.00,€0.00,TX2,Refund,SQ1\n"
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		_, said := d.noting(importer.File{Kind: "orders", Path: file(t, "items.csv", content)})
		if got, want := strings.Join(d.Rows("select external_id || ' ' || status || ' ' || total || '-' || refunded from orders order by 1"), ", "), "TX1 paid 2000-1000, TX2 returned -1000--1000"; got != want || said != "" {
			t.Errorf("orders %s, want %s\n%s", got, want, said)
		}
	})
}

func TestWhatSomebodyNamesGoesBeforeALayout(t *testing.T) {
	t.Parallel()
	d := newDoor(t, storetest.SQLite(t))
	d.noting(importer.File{Kind: "orders", Path: "testdata/shopify.orders.csv", Map: map[string]string{"order": "Name", "shop": "Source"}})
	if got, want := strings.Join(d.Rows("select external_id || ' ' || shop || ' ' || total from orders order by 1"), ", "), "#1001 web 2740, #1002 web 990, #1003 web 3000, #1005 web 990"; got != want {
		t.Errorf("orders %s, want %s", got, want)
	}
	_, err := d.Import(t.Context(), importer.File{Kind: "members", Path: file(t, "m.csv", "member\nM-1\n"), Consent: []string{"offers"}, Refusal: []string{"newsletter"}})
	if err == nil || !strings.Contains(err.Error(), "once with --consent and once with --refused") {
		t.Errorf("who agreed and refused in one file that does not say who: %v", err)
	}
}

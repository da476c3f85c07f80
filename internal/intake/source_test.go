package intake_test

import (
	"context"
	"strings"
	"testing"

	"regulars/internal/importer"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// from lets an event come from a source.
func from(source string, e loyalty.Event) loyalty.Event {
	e.Source = source
	return e
}

const allOrders = "select o.source || ' ' || o.external_id || ' ' || m.external_id || ' ' || o.status || ' ' || o.total || '-' || o.refunded from orders o join members m on m.id = o.member_id order by o.id"

func TestAnOrderIsOneByWhateverDoorItComes(t *testing.T) {
	t.Parallel()
	const row = "order,member,at,total\nO-1,M-1,2027-03-02 10:00,100.00\n"
	refund := about(loyalty.OrderRefunded, "e2", -10, given("R-1", 10000))
	nameless := refund
	nameless.Member = loyalty.Member{}
	cancel := about(loyalty.OrderCancelled, "e3", -10, nil)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		imported := func() { d.Take(importer.File{Kind: "orders", Path: file(t, "o.csv", row)}) }
		named := func() { d.Take(importer.File{Kind: "orders", Path: file(t, "o.csv", row), Source: "import"}) }
		told := func(source string, e loyalty.Event) func() { return func() { d.Stored(from(source, e)) } }
		for _, tt := range []struct {
			name  string
			steps []func()
			want  string
		}{
			{"a refund by the API of an imported order", []func(){imported, told("shop", refund)}, "shop O-1 M-1 refunded 10000-10000"},
			{"a refund of an order of the hook by the API", []func(){told("standard", placed("e1", "O-1", "M-1", -20, 10000)), told("shop", refund)}, "shop O-1 M-1 refunded 10000-10000"},
			{"a refund that names nobody", []func(){imported, told("shop", nameless)}, "shop O-1 M-1 refunded 10000-10000"},
			{"a refund before its file", []func(){told("shop", refund), imported}, "shop O-1 M-1 refunded 10000-10000"},
			{"a refund that names nobody before its file", []func(){told("shop", nameless), named}, "shop O-1 M-1 refunded 10000-10000"},
			{"a refund that names nobody before its event", []func(){told("shop", nameless), told("standard", placed("e1", "O-1", "M-1", -20, 10000))}, "shop O-1 M-1 refunded 10000-10000"},
			{"a part of it before its file", []func(){told("shop", about(loyalty.OrderRefunded, "e2", -10, given("R-1", 4000))), imported}, "shop O-1 M-1 paid 10000-4000"},
			{"a cancellation before its file", []func(){told("shop", cancel), imported}, "shop O-1 M-1 cancelled 10000-0"},
			{"a file twice, by two names of the source", []func(){imported, named}, "shop O-1 M-1 paid 10000-0"},
			{"a source that somebody names", []func(){imported, told("till", placed("e1", "O-1", "M-2", -20, 500))}, "shop O-1 M-1 paid 10000-0, till O-1 M-2 paid 500-0"},
		} {
			clear(t, db)
			for _, step := range tt.steps {
				step()
			}
			if got := strings.Join(d.Rows(allOrders), ", "); got != tt.want {
				t.Errorf("%s: orders %q, want %q", tt.name, got, tt.want)
			}
			if got := d.Rows("select source from early_events"); len(got) > 0 {
				t.Errorf("%s: %d events still wait for their order", tt.name, len(got))
			}
		}
	})
}

func TestWhatComesBeforeItsOrderIsSaid(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		nameless := about(loyalty.OrderRefunded, "e1", -9, given("R-1", 500))
		nameless.Member = loyalty.Member{}
		for i, e := range []loyalty.Event{nameless, about(loyalty.OrderRefunded, "e2", -8, given("R-2", 500)), about(loyalty.OrderCancelled, "e3", -7, nil)} {
			if r := d.Stored(e)[0]; !strings.Contains(noted(r), "nobody has told us of order O-1 yet") {
				t.Errorf("event %d of an unknown order: %+v, want a note that it is kept", i, r)
			}
		}
		if r := d.Answers(nameless)[0]; r.State != intake.Duplicate {
			t.Errorf("the same refund again, before its order: %+v, want a duplicate", r)
		}
		if r := d.Stored(placed("e4", "O-1", "M-1", -10, 5000))[0]; noted(r) != "" {
			t.Errorf("the order itself: %+v, want no note", r)
		}
		if r := d.Answers(nameless)[0]; r.State != intake.Duplicate {
			t.Errorf("the same refund again, after its order: %+v, want a duplicate", r)
		}
		if got, want := d.One(allOrders), "shop O-1 M-1 cancelled 5000-1000"; got != want {
			t.Errorf("order %q, want %q", got, want)
		}
	})
}

// older writes a row as a database had it when each door had keys of its own.
func (d door) older(texts ...string) {
	d.T.Helper()
	for _, text := range texts {
		if _, err := exec(d.DB, text, store.Args{"at": at(-500)}); err != nil {
			d.T.Fatal(err)
		}
	}
}

func olderOrder(source, member, status, total, refunded string) string {
	return `insert into orders (source, external_id, member_id, at, day, status, counts, total, refunded, changed_at)
		select '` + source + `', 'O-1', id, @at, 20879, '` + status + `', '` + status + `' = 'paid', ` + total + `, ` + refunded + `, @at from members where external_id = '` + member + `'`
}

func TestOrdersOfOlderSourcesGoOn(t *testing.T) {
	t.Parallel()
	refund := about(loyalty.OrderRefunded, "e9", -10, given("R-1", 10000))
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		paid := func(source string) string { return olderOrder(source, "M-1", "paid", "10000", "0") }
		ghost := olderOrder("api:shop", "M-1", "refunded", "0", "10000")
		back := "insert into refunds (order_id, external_id, at, total) select id, 'R-1', @at, 10000 from orders where source = 'api:shop'"
		for _, tt := range []struct {
			name string
			rows []string
			then *loyalty.Event
			want string
		}{
			{"imported, then refunded", []string{paid("import")}, &refund, "import O-1 M-1 refunded 10000-10000"},
			{"of a token that is gone, then refunded", []string{paid("api:old")}, &refund, "api:old O-1 M-1 refunded 10000-10000"},
			{"doubled by two doors, then refunded", []string{paid("import"), paid("standard"), paid("api:old")}, &refund, "import O-1 M-1 refunded 10000-10000"},
			{"doubled, and never told of again", []string{paid("import"), paid("standard")}, nil, "import O-1 M-1 paid 10000-0"},
			{"a refund that did nothing", []string{paid("import"), ghost, back}, nil, "import O-1 M-1 refunded 10000-10000"},
			{"of two people", []string{paid("import"), olderOrder("standard", "M-2", "paid", "700", "0")}, &refund, "import O-1 M-1 refunded 10000-10000, standard O-1 M-2 paid 700-0"},
			{"of a source that was named", []string{olderOrder("api:pos", "M-2", "paid", "700", "0")}, &refund, "api:pos O-1 M-2 paid 700-0, shop O-1 M-1 pending 0-10000"},
		} {
			clear(t, db)
			d.older("delete from passes", "delete from api_tokens", "insert into api_tokens (name, hash, scopes, created_at) values ('old', 'x', 'write', @at)")
			d.Stored(event(loyalty.Visit, "v1", -600, loyalty.Member{ID: "M-1"}), event(loyalty.Visit, "v2", -600, loyalty.Member{ID: "M-2"}))
			d.older(tt.rows...)
			if tt.then != nil {
				d.Stored(*tt.then)
			}
			for n := 1; n > 0; {
				var err error
				if n, err = intake.NewDay(context.Background(), db); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(d.Rows(allOrders), ", "); got != tt.want {
				t.Errorf("%s: orders %q, want %q", tt.name, got, tt.want)
			}
			if tt.then == nil {
				want := map[bool]string{true: "1 orders, 10000 spent, 0 points", false: "0 orders, 0 spent, 0 points"}[strings.Contains(tt.want, "paid")]
				if got := d.One(factsOf + "'M-1'"); got != want {
					t.Errorf("%s: facts %q, want %q", tt.name, got, want)
				}
			}
		}
	})
}

func TestAnEventIsOneByWhateverDoorItComes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		delta := int64(50)
		points := event(loyalty.PointsChanged, "e1", -60, loyalty.Member{ID: "M-1"})
		points.Points = &loyalty.Points{Delta: &delta}
		d.Stored(from("shop", points))
		if r := d.Answers(from("standard", points))[0]; r.State != intake.Duplicate {
			t.Errorf("the same event by another door: %+v, want a duplicate", r)
		}
		other := event(loyalty.Visit, "e1", -50, loyalty.Member{ID: "M-2"})
		if r := d.Answers(other)[0]; r.State != intake.Refused || r.Field != "id" || !strings.Contains(r.Reason, "points.changed") {
			t.Errorf("another event with the same id: %+v, want it refused by its id", r)
		}
		d.Stored(from("till", other))
		visit := event(loyalty.Visit, "e1", -40, loyalty.Member{ID: "M-3"})
		if r := d.Answers(from("till", visit))[0]; r.State != intake.Refused {
			t.Errorf("another member's event with the same id: %+v, want it refused", r)
		}
		if got := d.One(factsOf + "'M-1'"); got != "0 orders, 0 spent, 50 points" {
			t.Errorf("facts %q, want 50 points", got)
		}
	})
}

// noted is what an answer says beside that the event is stored.
func noted(r intake.Result) string {
	var all []string
	for _, n := range r.Notes {
		all = append(all, n.Field+": "+n.Reason)
	}
	return strings.Join(all, "; ")
}

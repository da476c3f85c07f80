package intake_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"regulars/internal/importer"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/membership"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

const welcome = "live: true\nstart: joins\nclass: service\nsteps:\n  - mail: a\n"

const perSecond = "live: true\nstart: {milestone: orders, at: [2]}\nclass: service\nsteps:\n  - mail: a\n"

// queued are the campaigns whose mails are queued, sorted.
func (d door) queued() string {
	return strings.Join(d.Rows("select c.name from sends s join campaigns c on c.id = s.campaign_id order by c.name"), " ")
}

func TestWhatIsOlderThanTheNewsSetsNothingOff(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program("news_within: 2h\n", map[string]string{"welcome": welcome, "second": perSecond})
		d.Stand(at(600).Time)
		joins := func(id string, minutes int) loyalty.Event {
			return event(loyalty.MemberJoined, "j"+id, minutes, loyalty.Member{ID: id, Email: id + "@example.test"})
		}
		d.Stored(joins("M-1", 400), joins("M-2", 500))
		d.Stored(placed("e1", "O-1", "M-1", 1, 100), placed("e2", "O-2", "M-1", 2, 100), placed("e3", "O-3", "M-2", 595, 100), placed("e4", "O-4", "M-2", 596, 100))
		yes := true
		d.Stored(event(loyalty.MemberChanged, "old", 598, loyalty.Member{ID: "M-4", Email: "old@example.test", Joined: &yes, JoinedAt: at(-1000 * 24 * 60)}))
		results, err := d.Apply(context.Background(), []loyalty.Event{joins("M-3", 599)}, intake.History)
		if err != nil || results[0].State != intake.Stored {
			t.Fatalf("Apply = %v, %v", results, err)
		}
		if got := d.queued(); got != "second welcome" {
			t.Errorf("queued: %q, want what M-2 did alone", got)
		}
		if got := d.One("select count(*) from facts where joined"); got != "4" {
			t.Errorf("%s have joined, want 4", got)
		}
	})
}

func TestSeveralMilestonesInOneBatchAreSeenOneByOne(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program("", map[string]string{"each": "live: true\nstart: {milestone: orders, at: [1, 2, 3]}\nagain: each\nclass: service\nsteps:\n  - mail: a\n",
			"food": "live: true\nstart: {milestone: 'items(\"food\")', at: [3]}\nclass: service\nsteps:\n  - mail: a\n"})
		e := event(loyalty.MemberJoined, "j", 0, loyalty.Member{ID: "M-1", Email: "a@example.test"})
		d.Stored(e, placed("e3", "O-3", "M-1", 3, 1), placed("e1", "O-1", "M-1", 1, 1), placed("e2", "O-2", "M-1", 2, 1), placed("e4", "O-4", "M-1", 4, 1))
		if got := d.queued(); got != "each each each food" {
			t.Errorf("queued: %q, want a mail for each of three orders, and one for the third food", got)
		}
	})
}

func TestAnImportMailsNobodyUnlessItIsNews(t *testing.T) {
	t.Parallel()
	members := "member,email,joined_at\nM-1,a@example.test,2027-01-01\nM-2,b@example.test,2027-03-03 08:00\n"
	orders := "order,member,at,total\nO-1,M-1,2027-01-01,1\nO-2,M-1,2027-01-02,1\nO-3,M-2,2027-03-02,1\nO-4,M-2,2027-03-03 09:00,1\n"
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, news := range []bool{false, true} {
			clear(t, db)
			d := newDoor(t, db)
			d.program("", map[string]string{"welcome": welcome + fmt.Sprintf("# news: %v\n", news), "second": perSecond}) // a version that nobody has parsed
			if _, err := exec(db, "update campaigns set live_since = @then, live_day = 0", store.Args{"then": at(-100 * 24 * 60)}); err != nil {
				t.Fatal(err)
			}
			ims := []importer.File{{Kind: "members", Path: file(t, "m.csv", members), News: news}, {Kind: "orders", Path: file(t, "o.csv", orders), News: news}}
			for i, want := range []string{"2 read, 2 new, 0 updated, 0 unchanged, 0 refused", "4 read, 4 new, 0 updated, 0 unchanged, 0 refused"} {
				if got, refused := d.Take(ims[i]); got != want {
					t.Errorf("news %v: %s %v, want %s", news, got, refused, want)
				}
			}
			want := ""
			if news {
				want = "second welcome"
			}
			if got := d.queued(); got != want {
				t.Errorf("news %v: queued %q, want %q", news, got, want)
			}
			if got := strings.Join(d.Rows("select orders || '' from facts order by member_id"), " "); got != "2 2" {
				t.Errorf("news %v: orders %s, want 2 of each", news, got)
			}
			for i, want := range []string{"2 read, 0 new, 0 updated, 2 unchanged, 0 refused", "4 read, 0 new, 0 updated, 4 unchanged, 0 refused"} {
				if got, _ := d.Take(ims[i]); got != want {
					t.Errorf("news %v, again: %s, want %s", news, got, want)
				}
			}
			ims[1].Path = file(t, "o.csv", strings.Replace(orders, "09:00,1", "09:00,5", 1))
			if got, _ := d.Take(ims[1]); got != "4 read, 0 new, 1 updated, 3 unchanged, 0 refused" {
				t.Errorf("news %v, with a change: %s", news, got)
			}
			if got := d.One("select cast(sum(spent) as bigint) from facts"); got != "800" {
				t.Errorf("news %v: spent %s, want 800", news, got)
			}
			if got := d.queued(); got != want {
				t.Errorf("news %v, in the end: queued %q, want %q", news, got, want)
			}
		}
	})
}

func TestAMilestoneReachedInHistoryIsNeverMailed(t *testing.T) {
	t.Parallel()
	cancel := func(d door, order string) {
		e := about(loyalty.OrderCancelled, "c-"+order, 50, nil)
		e.Order.ID = order
		d.Stored(e)
	}
	ways := map[string]func(t *testing.T, d door){
		"by an import": func(t *testing.T, d door) {
			d.Take(importer.File{Kind: "orders", Source: "standard", Path: file(t, "o.csv", "order,member,at,total\nO-1,M-1,2027-01-01,1\nO-2,M-1,2027-01-02,1\n")})
		},
		"by events that came late": func(t *testing.T, d door) {
			d.Stored(placed("e1", "O-1", "M-1", -90*24*60, 1), placed("e2", "O-2", "M-1", -90*24*60, 1))
		},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, history := range ways {
			clear(t, db)
			d := newDoor(t, db)
			d.program("", map[string]string{"second": perSecond})
			d.Stored(event(loyalty.MemberJoined, "j", 0, loyalty.Member{ID: "M-1", Email: "a@example.test"}))
			history(t, d)
			cancel(d, "O-2")
			d.Stored(placed("e3", "O-3", "M-1", 60, 1))
			if got := d.One("select orders from facts"); got != "2" || d.queued() != "" {
				t.Errorf("%s: %s orders, queued %q, want 2 and no mail", name, got, d.queued())
			}
		}
	})
}

func TestAnImportMovesSegmentsWithoutStartingAnything(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.program("", map[string]string{"segments.yaml": "loyal: orders >= 2\nonce: orders == 1\n",
			"loyal": "live: true\nstart: {enters: loyal}\nclass: service\nsteps:\n  - mail: a\n"})
		join := event(loyalty.MemberJoined, "j", 0, loyalty.Member{ID: "M-1", Email: "a@example.test"})
		d.Stored(join, placed("e1", "O-9", "M-1", 1, 1))
		d.Take(importer.File{Kind: "orders", Path: file(t, "o.csv", "order,member,at,total\nO-1,M-1,2027-01-01,1\n")})
		const inside = "select s.name from segment_members m join segments s on s.id = m.segment_id where m.left_at is null"
		if got := strings.Join(d.Rows(inside), " "); got != "loyal" || d.queued() != "" {
			t.Errorf("inside %q, queued %q, want loyal and no mail", got, d.queued())
		}
		if n, err := membership.Entries(context.Background(), db); n != 0 || err != nil || d.queued() != "" {
			t.Errorf("Entries = %d, %v, queued %q, want nothing to do", n, err, d.queued())
		}
	})
}

func exec(db *store.DB, text string, args store.Args) (n int64, err error) {
	err = db.Update(context.Background(), func(tx *store.Tx) error {
		n, err = tx.Exec(text, args)
		return err
	})
	return n, err
}

func TestANewDayCountsWhatWasDatedAhead(t *testing.T) {
	t.Parallel()
	const day = 24 * 60
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		ahead := placed("e1", "O-1", "M-1", 2*day, 700)
		points := event(loyalty.PointsChanged, "e2", day, loyalty.Member{ID: "M-2"})
		ten := int64(10)
		points.Points = &loyalty.Points{Delta: &ten}
		d.Stored(placed("e3", "O-3", "M-3", 0, 1))
		d.now(2 * day) // what was dated ahead, before clocks were looked at
		d.Stored(ahead, points)
		for _, text := range []string{"update facts set orders = 0, points = 0, last_day = null where member_id > 1", "delete from passes"} {
			if _, err := exec(db, text, nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range []struct {
			minutes int
			want    string
		}{{0, "0/0 0/0 1/0"}, {day, "0/0 0/10 1/0"}, {4 * day, "1/0 0/10 1/0"}} {
			for {
				n, err := intake.NewDay(context.Background(), db.At(at(step.minutes).Time))
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					break
				}
			}
			got := strings.Join(d.Rows("select f.orders || '/' || f.points from facts f join members m on m.id = f.member_id order by m.external_id"), " ")
			if got != step.want {
				t.Errorf("after %d days: %s, want %s", step.minutes/day, got, step.want)
			}
		}
	})
}

func TestAnotherZoneMovesTheDays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.now(3 * 24 * 60)   // so that all of it has happened
		midnight := -10 * 60 // of Start's day, in UTC
		late := placed("e1", "O-1", "M-1", midnight+23*60, 100)
		early := placed("e2", "O-2", "M-1", midnight+1, 100)
		old := placed("e3", "O-3", "M-1", 0, 100)
		old.Order.At = loyalty.At(time.Date(1969, 7, 20, 23, 30, 0, 0, time.UTC))
		summer := placed("e4", "O-4", "M-1", 0, 100)
		summer.Order.At = loyalty.At(time.Date(2026, 7, 1, 21, 30, 0, 0, time.UTC))
		d.Stored(late, early, old, summer)
		const days = "select o.external_id || ' ' || o.day || ' ' || (select max(l.day) from order_lines l where l.order_id = o.id) from orders o order by 1"
		for _, step := range []struct{ zone, want string }{
			{"UTC", "O-1 20880 20880, O-2 20880 20880, O-3 -165 -165, O-4 20635 20635"},
			{"Europe/Helsinki", "O-1 20881 20881, O-2 20880 20880, O-3 -164 -164, O-4 20636 20636"},
			{"America/New_York", "O-1 20880 20880, O-2 20879 20879, O-3 -165 -165, O-4 20635 20635"},
		} {
			err := db.Update(context.Background(), func(tx *store.Tx) error {
				return errors.Join(tx.SetSetting(store.SettingZone, step.zone), intake.Rezone(tx))
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(d.Rows(days), ", "); got != step.want {
				t.Errorf("%s: %s, want %s", step.zone, got, step.want)
			}
			zone, _ := time.LoadLocation(step.zone)
			if got, want := d.One("select last_day || '' from facts"), fmt.Sprint(int64(loyalty.DayOf(storetest.Start, zone))); got != want {
				t.Errorf("%s: last day %s, want %s", step.zone, got, want)
			}
		}
	})
}

func TestFind(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		r := d.Stored(
			event(loyalty.MemberChanged, "1", 0, loyalty.Member{ID: "M-1", Email: "ana@example.test", IDs: map[string]string{"shopify": "77"}}),
			event(loyalty.MemberChanged, "2", 0, loyalty.Member{ID: "M-2", Email: "two@example.test"}),
			event(loyalty.MemberChanged, "3", 0, loyalty.Member{ID: "M-3", Email: "two@example.test"}))
		for _, tt := range []struct {
			name string
			want int64
			err  string
		}{
			{"M-1", r[0].Member, ""}, {" ANA@example.test ", r[0].Member, ""}, {"77", r[0].Member, ""},
			{"two@example.test", 0, "2 members have the address"}, {"nobody@example.test", 0, "there is no member"}, {"M-9", 0, "there is no member"}, {"", 0, "there is no member"},
		} {
			var got int64
			err := db.View(context.Background(), func(tx *store.Tx) (err error) { got, err = intake.Find(tx, tt.name); return err })
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Find(%q) = %d, %v, want %d %s", tt.name, got, err, tt.want, tt.err)
			}
		}
	})
}

package tiers_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/importer"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/shoptest"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

// sale is an order of the days on which a shop's past is made up.
type sale struct {
	member, id int64
	at         loyalty.Instant
	total      int64
}

// sales are those of so many days: some members buy much and stop, so that what they hold at
// the end is what they once reached.
func sales(members []int64, first loyalty.Day, days int) (all []sale) {
	random := rand.New(rand.NewPCG(7, 11))
	for day := range days {
		for i, m := range members {
			on := loyalty.At((first + loyalty.Day(day)).UTC().Add(8*time.Hour + time.Duration(len(all)%600)*time.Minute))
			switch {
			case i == 0 && day == days-6: // silver at the end
				all = append(all, sale{m, int64(len(all) + 1), on, 4000})
			case i == 1 && day == days-2: // platinum
				all = append(all, sale{m, int64(len(all) + 1), on, 9500})
			case day <= days/len(members)*(i+1) && random.IntN(5) == 0:
				for n := range 1 + random.IntN(2) {
					all = append(all, sale{m, int64(len(all) + 1), on.Plus(time.Duration(n) * time.Minute), int64(500 + random.IntN(6000))})
				}
			}
		}
	}
	return all
}

// stand is how everybody stands now: what they hold since when and until when.
func (s *shop) stand() string {
	s.T.Helper()
	var rows []struct {
		MemberID          int64
		Tier, Fact        string
		SinceDay, LastDay int64
	}
	s.All(&rows, `
		select f.member_id, coalesce(t.tier, '') as tier, f.tier as fact, coalesce(t.since_day, 0) as since_day, coalesce(t.last_day, 0) as last_day
		from   facts f left join member_tiers t on t.member_id = f.member_id and t.left_day is null
		order  by f.member_id`, nil)
	var lines []string
	for _, r := range rows {
		lines = append(lines, fmt.Sprint(r.MemberID, " ", r.Fact, " ", r.Tier, " ", loyalty.Day(r.SinceDay), " ", loyalty.Day(r.LastDay)))
	}
	return strings.Join(lines, "\n")
}

// earned is what stands in the ledger for each order, and by which tier.
func (s *shop) earned() string {
	s.T.Helper()
	var rows []struct {
		MemberID, Amount, Total int64
		At                      loyalty.Instant
		Tier                    string
	}
	s.All(&rows, "select e.member_id, e.amount, e.tier, o.at, o.total from entries e join orders o on o.id = e.order_id order by o.at, e.member_id, o.total", nil)
	var lines []string
	for _, r := range rows {
		lines = append(lines, fmt.Sprint(r.MemberID, " ", r.At.Format("01-02 15:04"), " ", r.Total, ": ", r.Amount, " ", r.Tier))
	}
	return strings.Join(lines, "\n")
}

// imports brings sales as a file of orders.
func (s *shop) imports(all []sale) {
	s.T.Helper()
	var text strings.Builder
	text.WriteString("order,member,at,total\n")
	for _, o := range all {
		fmt.Fprintf(&text, "S-%d,M-%d,%s,%s\n", o.id, o.member, o.at.Format("2006-01-02T15:04:05Z07:00"), loyalty.FormatMoney(o.total, "EUR"))
	}
	path := filepath.Join(s.T.TempDir(), "orders.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		s.T.Fatal(err)
	}
	tally, err := importer.New(s.DB).Import(s.T.Context(), importer.File{Kind: "orders", Path: path})
	if err != nil || tally.New != int64(len(all)) {
		s.T.Fatal(tally, err)
	}
}

// Who comes to tiers with a past stands where they would stand had the tiers been there all
// the time, whether the past came in before the program or after it, and in whatever order.
func TestThePastEndsInThePresent(t *testing.T) {
	t.Parallel()
	const file = `
points:
  since: 2027-03-10
  earn:  [1 per 1.00, 10 per order if tier >= gold]
  expire: never
tiers:
  silver:   {when: spent("12d") >= 30.00, keep: 15d, grace: 4d, earn: 1.5x}
  gold:     {when: spent("20d") >= 70.00 and orders("20d") >= 2, keep: 12d, grace: 9d, earn: 2x}
  platinum: {when: spent("5d") >= 90.00, earn: 3x}
`
	const days, inParts = 80, "after it, the newest part first"
	first := loyalty.Date(2027, 3, 10)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		open := func() *shop {
			if db.Engine() == store.Postgres {
				return &shop{shoptest.Open(t, storetest.Postgres(t), shoptest.Program{Zone: "UTC"})}
			}
			return &shop{shoptest.Open(t, storetest.SQLite(t), shoptest.Program{Zone: "UTC"})}
		}
		began := climbing(file)
		began.Zone = "UTC"
		live := open()
		all := sales(live.Join(12), first, days)
		live.Now = first.UTC().Add(3600e9)
		live.Apply(began)
		for day, rest := first, all; day < first+days; day++ {
			live.Now = day.UTC().Add(3600e9)
			live.Work()
			for ; len(rest) > 0 && loyalty.DayOf(rest[0].at.Time, live.Now.Location()) == day; rest = rest[1:] {
				live.Now = rest[0].at.Time
				live.Order(rest[0].member, rest[0].total)
			}
		}
		end := (first + days).UTC().Add(20 * 3600e9)
		live.Now = end
		live.Work()
		want, earned := live.stand(), live.earned()
		for _, tier := range []string{"silver silver", "gold gold", "platinum platinum"} {
			if !strings.Contains(want, tier) {
				t.Errorf("nobody is %s: the test shows little:\n%s", tier, want)
			}
		}

		newest := slices.Clone(all)
		slices.Reverse(newest)
		for name, begin := range map[string]func(s *shop){
			"before the program":         func(s *shop) { s.imports(all); s.Apply(began) },
			"after it":                   func(s *shop) { s.Apply(began); s.imports(all) },
			"after it, the newest first": func(s *shop) { s.Apply(began); s.imports(newest) },
			inParts: func(s *shop) {
				s.Apply(began)
				s.Work()
				s.imports(all[len(all)/2:])
				s.Work()
				s.imports(all[:len(all)/2])
			},
		} {
			s := open()
			s.Now = end
			s.Join(12)
			begin(s)
			s.Do(func(tx *store.Tx) error {
				if some, _, err := intake.Unbooked(tx); err != nil || some != strings.HasPrefix(name, "before") {
					t.Errorf("%s: something is yet to be booked: %v, %v", name, some, err)
				}
				return nil
			})
			s.Work()
			if got := s.stand(); got != want {
				t.Errorf("a past that came in %s ends in\n%s\nwant\n%s", name, got, want)
			}
			if got := s.earned(); got != earned && name != inParts { // what is booked stays booked, whatever comes later
				t.Errorf("a past that came in %s has earned\n%s\nwant\n%s", name, got, earned)
			}
			tried, err := marketing.New(s.DB).Foresee(t.Context(), shoptest.Loaded(t, began), "", loyalty.DayOf(end, time.UTC))
			if is := s.Number("select sum(amount) from entries"); err != nil || tried.Points.Earned != is && name != inParts {
				t.Errorf("%s: tried, it comes to %d points, %v, want %d", name, tried.Points.Earned, err, is)
			}
			s.Want(name+": events and mails", fmt.Sprint(s.Number("select count(*) from events where source = 'regulars' and type not in ('tier.kept', 'tier.ending')"),
				s.Number("select count(*) from happenings where kind <> 'learned'"), s.Number("select count(*) from sends")), "0 0 0")
			if all, err := doubts(s); err != nil || len(all) > 0 {
				t.Errorf("%s: doubted: %v, %v", name, all, err)
			}
		}
	})
}

// The version by which tiers began speaks for the days before, also where another is in force
// when something of them comes in; what somebody holds by it they hold as that one says.
func TestTheFirstVersionSpeaksForThePast(t *testing.T) {
	each(t, climbing("tiers:\n  silver: {when: spent(\"12m\") >= 100.00, keep: 12m}\n  gold: {when: spent(\"12m\") >= 500.00, keep: 12m}\n"), func(t *testing.T, s *shop) {
		m := s.Join(3)
		began := s.Now
		s.Now = s.Now.AddDate(0, 1, 0)
		s.Work()
		s.Order(m[1], 60000)
		s.Work()
		s.Want("what somebody was told", s.stays(m[1])+s.mails(m[1]), "gold 2027-04-03 – 2028-04-03any-tier gold")
		s.Apply(climbing("tiers:\n  silver: {when: spent(\"12m\") >= 200.00, keep: 12m}\n  gold: {when: spent(\"12m\") >= 500.00, keep: 12m}\n"))
		var all []sale
		for i, member := range m[:2] {
			all = append(all, sale{member, int64(i), loyalty.At(began.AddDate(0, -4, 0)), 15000})
		}
		s.imports(append(all, sale{m[2], 2, loyalty.At(began.AddDate(0, 0, 3)), 15000}))
		s.Work()
		s.Want("by the first version", s.stays(m[0])+" "+s.tier(m[0]), "silver 2026-11-03 – 2027-11-03 silver")
		s.Want("they keep it", s.stays(m[1])+" "+s.tier(m[1]), "gold 2027-04-03 – 2028-04-03; silver 2026-11-03 – 2027-11-03 → 2027-03-03 gold")
		s.Want("by the second", s.stays(m[2])+s.tier(m[2]), "")
		s.Want("mails", s.mails(m[0])+s.mails(m[2]), "")
		if all, err := doubts(s); err != nil || len(all) > 0 {
			t.Errorf("doubted: %v, %v", all, err)
		}
	})
}

// Who orders right after the first apply, before a worker has told their past, is told nothing
// that they would have been told long ago, and earns by the tier that they would have.
func TestAnOrderRightAfterTheFirstApply(t *testing.T) {
	each(t, shoptest.Program{}, func(t *testing.T, s *shop) {
		m := s.Join(2)
		s.imports([]sale{{m[0], 1, loyalty.At(s.Now.AddDate(0, -13, 0)), 30000}})
		s.Apply(climbing("points: {earn: [1 per 1.00]}\n" + strings.Replace(silverAndGold, "grace: 30d", "grace: 30d, earn: 2x", 1)))
		s.Order(m[0], 30000)
		s.Order(m[1], 30000)
		s.Work()
		s.Want("as they would stand", s.stays(m[0])+" "+s.tier(m[0]), "gold 2026-02-03 – 2027-02-03 gold")
		s.Want("points and mails", fmt.Sprint(s.Number("select sum(amount) from entries where member_id = 1"), s.mails(m[0])), "600")
		s.Want("who had no past", s.stays(m[1])+" "+s.mails(m[1]), "gold 2027-03-03 – 2028-03-03 any-tier gold")
	})
}

// What an import that never came to its end has brought of the time before is told by a worker,
// and not while the import may still be under way.
func TestAnImportThatNeverCameToItsEnd(t *testing.T) {
	each(t, plain("points: {since: 2026-01-01, earn: [1 per 1.00]}\n"+strings.Replace(silverAndGold, "grace: 30d", "grace: 30d, earn: 2x", 1)), func(t *testing.T, s *shop) {
		s.Join(1)
		s.Work()
		var rows []*intake.Row
		for i, ago := range []int{1, 3} { // the newest first
			id := fmt.Sprint(i)
			rows = append(rows, &intake.Row{Fingerprint: []byte(id), Event: loyalty.Event{Source: "import", Type: loyalty.OrderPlaced, ID: id, At: loyalty.At(s.Now.AddDate(0, -ago, 0)),
				Member: loyalty.Member{ID: "M-1"}, Order: &loyalty.Order{ID: id, Status: loyalty.Paid, Total: 30000, HasTotal: true}}})
		}
		if err := intake.New(s.DB).Take(t.Context(), rows, intake.Taking{}); err != nil {
			t.Fatal(err)
		}
		s.Work()
		s.Want("while it may go on", fmt.Sprint(s.Number("select count(*) from entries"), s.stays(1)), "0")
		s.Now = s.Now.Add(2 * time.Hour)
		s.Work()
		s.Want("then", fmt.Sprint(s.Number("select sum(amount) from entries"), " ", s.stays(1)), "900 gold 2026-12-03 – 2027-12-03")
		s.Want("left to do", fmt.Sprint(s.Number("select count(*) from passes where finished_at is null")), "0")
	})
}

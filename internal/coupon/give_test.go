package coupon_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestApply(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 1)
		apply(t, db, back, summer)
		kept := given(t, db, "back", 1, 1)
		apply(t, db, summer)
		if _, err := give(db, "back", 2, 1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Give from a removed pool = %v, want ErrNotFound", err)
		}
		changed := back
		changed.Percent = 20
		apply(t, db, changed, summer)
		update(t, db, func(tx *store.Tx) error {
			p, err := coupon.Find(tx, "back")
			if p.Pool.Percent != 20 || p.Pattern != back.Pattern {
				t.Errorf("the pool that came back = %+v, want 20 percent", p)
			}
			return err
		})
		if again := given(t, db, "back", 1, 1); again.ID != kept.ID {
			t.Errorf("the code before the pool was removed is %d, now %d", kept.ID, again.ID)
		}
		other := program.Pool{Name: "back", Kind: "imported"}
		err := db.Update(context.Background(), func(tx *store.Tx) error { return coupon.Apply(tx, []program.Pool{other}) })
		if !errors.Is(err, coupon.ErrKind) || !strings.Contains(err.Error(), "pool back") {
			t.Errorf("another kind for a pool with codes = %v, want ErrKind", err)
		}
		apply(t, db, changed, program.Pool{Name: "summer", Kind: "generated", Pattern: "S-########"}) // it had no codes
	})
}

func TestGive(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 4)
		apply(t, db, back, coffee, summer, all)
		stock(t, db, "summer", 2)

		made := given(t, db, "back", 1, 1)
		if !regexp.MustCompile(`^BACK-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$`).MatchString(made.Code) ||
			made.State != "reserved" || made.Member != 1 || made.Occurrence != 1 || made.ReservedAt != now || made.Ends() != nil || made.Pool != "back" {
			t.Errorf("a generated code = %+v", made)
		}
		if again := given(t, db, "back", 1, 1); again != made {
			t.Errorf("asked for again = %+v, want %+v", again, made)
		}
		if other := given(t, db, "back", 2, 1); other.Code == made.Code {
			t.Error("another passage of the same member got the same code")
		}

		if c := given(t, db, "summer", 1, 1); c.Code != "A1" || c.Member != 1 {
			t.Errorf("the first imported code = %+v, want A1", c)
		}
		given(t, db, "summer", 1, 2)
		if _, err := give(db, "summer", 1, 3); !errors.Is(err, coupon.ErrEmpty) {
			t.Errorf("Give from an empty pool = %v, want ErrEmpty", err)
		}
		if c := given(t, db, "summer", 1, 1); c.Code != "A1" {
			t.Errorf("asked for again after the pool ran dry = %+v, want A1", c)
		}

		first, second := given(t, db, "all", 1, 1), given(t, db, "all", 1, 2)
		if first.Code != "HELLO-5" || first.ID != second.ID || first.Member != 0 || first.State != "issued" {
			t.Errorf("the shared code = %+v and %+v, want one that is nobody's", first, second)
		}

		if _, err := give(db, "coffee", 1, 1); !errors.Is(err, coupon.ErrEmpty) {
			t.Errorf("Give of a code that the shop does not know = %v, want ErrEmpty", err)
		}
		if _, err := give(db, "nothing", 1, 1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Give from no pool = %v, want ErrNotFound", err)
		}
	})
}

func TestCodesForTheTillAreKnownToItFirst(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 3)
		apply(t, db, coffee)
		generate := func(n int) {
			update(t, db, func(tx *store.Tx) error {
				_, err := coupon.Fill(tx, "coffee", n, rand.Reader)
				return err
			})
		}
		export := func(mark bool) (codes []string) {
			update(t, db, func(tx *store.Tx) error {
				return coupon.Export(tx, "coffee", mark, func(c coupon.Code) error { codes = append(codes, c.Code); return nil })
			})
			return codes
		}
		generate(2)
		if n := len(export(false)); n != 2 {
			t.Errorf("Export shows %d codes, want 2", n)
		}
		if _, err := give(db, "coffee", 1, 1); !errors.Is(err, coupon.ErrEmpty) {
			t.Errorf("Give before the shop knows = %v, want ErrEmpty", err)
		}
		known := export(true)
		generate(3)
		for member := int64(1); member <= 2; member++ {
			if c := given(t, db, "coffee", 1, member); !slices.Contains(known, c.Code) {
				t.Errorf("%s was given, but the shop knows only %v", c.Code, known)
			}
		}
		if _, err := give(db, "coffee", 1, 3); !errors.Is(err, coupon.ErrEmpty) {
			t.Errorf("Give of the third, which the shop does not know = %v, want ErrEmpty", err)
		}
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 5)
		stocked, budgeted, ended, percent := back, back, back, back
		stocked.Name, stocked.Stock = "stocked", 2
		budgeted.Name, budgeted.Percent, budgeted.Amount, budgeted.Budget = "budgeted", 0, 500, 1499
		ended.Name, ended.ValidUntil = "ended", today-1
		percent.Name, percent.Budget = "percent", 1000
		apply(t, db, stocked, budgeted, ended, percent)
		for _, tt := range []struct {
			pool string
			want int
		}{{"stocked", 2}, {"budgeted", 2}, {"ended", 0}} {
			for member := int64(1); member <= 5; member++ {
				_, err := give(db, tt.pool, 1, member)
				if ok := member <= int64(tt.want); ok && err != nil || !ok && !errors.Is(err, coupon.ErrEmpty) {
					t.Errorf("pool %s, member %d: %v; want %d codes", tt.pool, member, err, tt.want)
				}
			}
		}
		c := given(t, db, "percent", 1, 1)
		update(t, db, func(tx *store.Tx) error {
			_, err := coupon.Redeem(tx, coupon.Use{Code: c.Code, Order: 1, Day: today, Discount: 1000})
			return err
		})
		if _, err := give(db, "percent", 1, 2); !errors.Is(err, coupon.ErrEmpty) {
			t.Errorf("Give after the budget was redeemed = %v, want ErrEmpty", err)
		}
	})
}

func TestTakenCodesAreDrawnAnew(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 310)
		tiny := back
		tiny.Pattern = "T-##"
		apply(t, db, tiny)
		run(t, db, 1, 300)
		if n, err := giveAll(db, "back", 1, rand.Reader); n != 300 || err != nil {
			t.Errorf("GiveAll of a pool of 1024, where some forty are derived twice = %d, %v, want 300", n, err)
		}
		if n := one[int64](t, db, "select count(distinct code_id) from sends where code_id is not null", nil); n != 300 {
			t.Errorf("%d different codes were given, want 300", n)
		}
		update(t, db, func(tx *store.Tx) error {
			n, err := coupon.Generate(tx, "back", 10, narrow(2, 2))
			if n != 10 {
				t.Errorf("Generate = %d, %v, want 10", n, err)
			}
			return err
		})
		update(t, db, func(tx *store.Tx) error { // T-## has 1024 codes
			if n, err := coupon.Generate(tx, "back", 2000, rand.Reader); !errors.Is(err, coupon.ErrEmpty) {
				t.Errorf("Generate of more codes than there are = %d, %v, want ErrEmpty", n, err)
			}
			return nil
		})
	})
}

func TestGiveAll(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 120)
		apply(t, db, back, coffee, summer, all)
		stock(t, db, "summer", 150)
		for i, tt := range []struct {
			pool     string
			audience int
			short    *coupon.Short
		}{
			{"back", 100, nil},
			{"summer", 100, nil},
			{"summer", 60, &coupon.Short{Pool: "summer", Have: 50, Need: 60}},
			{"all", 100, nil},
			{"coffee", 10, &coupon.Short{Pool: "coffee", Have: 0, Need: 10}},
			{"summer", 50, nil},
			{"summer", 0, nil},
		} {
			id := int64(i + 1)
			run(t, db, id, tt.audience)
			n, err := giveAll(db, tt.pool, id, rand.Reader)
			var short *coupon.Short
			if tt.short != nil {
				if !errors.As(err, &short) || *short != *tt.short {
					t.Errorf("GiveAll(%s) to %d = %d, %v, want %v", tt.pool, tt.audience, n, err, tt.short)
				}
				n = 0
			} else if err != nil || n != int64(tt.audience) {
				t.Errorf("GiveAll(%s) to %d = %d, %v", tt.pool, tt.audience, n, err)
			}
			checkRun(t, db, id, tt.pool, n)
		}
		if n, err := giveAll(db, "back", 1, rand.Reader); n != 0 || err != nil {
			t.Errorf("GiveAll again = %d, %v, want 0", n, err)
		}
	})
}

// checkRun counts that so many of a run's sends have a code of their own of the
// pool, and nobody else.
func checkRun(t *testing.T, db *store.DB, id int64, pool string, want int64) {
	t.Helper()
	if got := one[int64](t, db, "select count(code_id) from sends where run_id = @run", store.Args{"run": id}); got != want {
		t.Errorf("run %d: %d sends have a code, want %d", id, got, want)
	}
	wrong := one[int64](t, db, `
		select count(*) from sends s join codes c on c.id = s.code_id join pools p on p.id = c.pool_id
		where  s.run_id = @run
		and   (p.name <> @pool or s.state <> 'queued' or p.kind <> 'shared' and (c.state <> 'reserved' or c.member_id <> s.member_id or c.occurrence_id <> s.occurrence_id))`,
		store.Args{"run": id, "pool": pool})
	if wrong != 0 {
		t.Errorf("run %d: %d sends have a wrong code", id, wrong)
	}
}

func TestGiveAllWithinLimits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 30)
		p := back
		p.Stock = 20
		apply(t, db, p)
		update(t, db, func(tx *store.Tx) error { // five lie in stock, the rest is made
			n, err := coupon.Generate(tx, "back", 5, rand.Reader)
			if n != 5 {
				t.Errorf("Generate = %d, want 5", n)
			}
			return err
		})
		run(t, db, 1, 21)
		var short *coupon.Short
		if _, err := giveAll(db, "back", 1, rand.Reader); !errors.As(err, &short) || short.Have != 20 {
			t.Errorf("GiveAll to 21 from a stock of 20 = %v, want Short", err)
		}
		run(t, db, 2, 20)
		if n, err := giveAll(db, "back", 2, rand.Reader); n != 20 || err != nil {
			t.Errorf("GiveAll to 20 from a stock of 20 = %d, %v", n, err)
		}
		update(t, db, func(tx *store.Tx) error {
			if n, err := coupon.Fill(tx, "back", 10, rand.Reader); n != 0 || err != nil {
				t.Errorf("Fill of a full stock made %d, %v, want 0", n, err)
			}
			return nil
		})
	})
}

// Many workers take from a small pool, each asking twice: no code goes to two,
// nobody gets two, and who comes too late is told.
func TestImportedCodesRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const people, codes, workers = 60, 40, 16
		members(t, db, people)
		apply(t, db, summer)
		stock(t, db, "summer", codes)
		var got [people][2]atomic.Int64
		var empty atomic.Int64
		asks := make(chan int64, 2*people)
		for i := range 2 * people {
			asks <- int64(i/2*7%people) + 1 // both asks of a member side by side
		}
		close(asks)
		var wait sync.WaitGroup
		for range workers {
			wait.Go(func() {
				for member := range asks {
					c, err := give(db, "summer", 1, member)
					switch {
					case errors.Is(err, coupon.ErrEmpty):
						empty.Add(1)
					case err != nil:
						t.Error(err)
					case !got[member-1][0].CompareAndSwap(0, c.ID):
						got[member-1][1].Store(c.ID)
					}
				}
			})
		}
		wait.Wait()
		owner, holders := map[int64]int{}, 0
		for i := range got {
			first, second := got[i][0].Load(), got[i][1].Load()
			if second != 0 && first != second {
				t.Errorf("member %d got the codes %d and %d", i+1, first, second)
			}
			if first == 0 {
				continue
			}
			holders++
			if other, taken := owner[first]; taken {
				t.Errorf("code %d went to members %d and %d", first, other, i+1)
			}
			owner[first] = i + 1
		}
		if holders != codes || empty.Load() == 0 {
			t.Errorf("%d members have a code and %d asks found none, want %d", holders, empty.Load(), codes)
		}
	})
}

// A stock of ten, wanted by forty at once, is ten codes.
func TestStockRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 40)
		p := back
		p.Stock = 10
		apply(t, db, p)
		var ok atomic.Int64
		var wait sync.WaitGroup
		for member := range int64(40) {
			wait.Go(func() {
				_, err := give(db, "back", 1, member+1)
				if err == nil {
					ok.Add(1)
				} else if !errors.Is(err, coupon.ErrEmpty) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if n := one[int64](t, db, "select count(*) from codes", nil); ok.Load() != 10 || n != 10 {
			t.Errorf("%d members got a code, %d were made, want 10", ok.Load(), n)
		}
	})
}

// Two drops and single givers at one imported pool: nobody shares a code.
func TestDropsRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 120)
		apply(t, db, summer)
		stock(t, db, "summer", 250)
		run(t, db, 1, 100)
		run(t, db, 2, 100)
		var wait sync.WaitGroup
		for id := range int64(2) {
			wait.Go(func() {
				if _, err := giveAll(db, "summer", id+1, rand.Reader); err != nil {
					t.Error(err)
				}
			})
		}
		for member := range int64(30) {
			wait.Go(func() {
				if _, err := give(db, "summer", 3, member+1); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		checkRun(t, db, 1, "summer", 100)
		checkRun(t, db, 2, "summer", 100)
		if n := one[int64](t, db, "select count(*) from codes where state = 'reserved'", nil); n != 230 {
			t.Errorf("%d codes are reserved, want 230", n)
		}
	})
}

func TestImport(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		apply(t, db, summer, program.Pool{Name: "autumn", Kind: "imported"}, back)
		in := func(pool string, codes ...string) (s coupon.Stocked) {
			update(t, db, func(tx *store.Tx) (err error) { s, err = coupon.Import(tx, pool, slices.Values(codes)); return err })
			return s
		}
		in("autumn", "AUT-1")
		got := in("summer", "SUM-1", " sum-2\t", "SUM1", "", "--", strings.Repeat("x", 65), "SUM\x00-3", "AUT-1", "SUM-Ö-%")
		want := []coupon.Reject{
			{Line: 4, Reason: "empty"},
			{Line: 5, Code: "--", Reason: "no letters or digits"},
			{Line: 6, Code: strings.Repeat("x", 65), Reason: "longer than 64 characters"},
			{Line: 7, Code: "SUM\x00-3", Reason: "a control character"},
			{Line: 8, Code: "AUT-1", Reason: "belongs to another pool"},
		}
		if got.Read != 9 || got.New != 3 || got.Duplicate != 1 || got.Rejected != 5 || !slices.Equal(got.Rejects, want) {
			t.Errorf("Import = %+v, want 9 read, 3 new, 1 duplicate, rejects %+v", got, want)
		}
		if got := in("summer", "sum 1", "SUM-2", "SUM-4"); got.New != 1 || got.Duplicate != 2 {
			t.Errorf("a second import = %+v, want 1 new, 2 duplicates", got)
		}
		if got := one[string](t, db, "select code from codes where folded = @folded", store.Args{"folded": loyalty.FoldCode("SUM-2")}); got != "sum-2" {
			t.Errorf("the code is kept as %q, want as printed: sum-2", got)
		}
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			_, err := coupon.Import(tx, "back", slices.Values([]string{"X"}))
			return err
		})
		if !errors.Is(err, coupon.ErrKind) {
			t.Errorf("Import into a generated pool = %v, want ErrKind", err)
		}
	})
}

func TestImportOfManyCodes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		apply(t, db, summer)
		var s coupon.Stocked
		codes := func(yield func(string) bool) {
			for i := range 25_000 {
				if !yield(fmt.Sprintf("S-%06d", i)) {
					return
				}
			}
		}
		for range 2 {
			update(t, db, func(tx *store.Tx) (err error) { s, err = coupon.Import(tx, "summer", codes); return err })
		}
		if s.Read != 25_000 || s.New != 0 || s.Duplicate != 25_000 {
			t.Errorf("the second import = %+v, want 25000 duplicates", s)
		}
	})
}

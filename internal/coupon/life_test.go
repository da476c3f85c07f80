package coupon_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestDate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 1)
		both, late, none := back, back, back
		both.Name, both.ValidUntil = "both", today+10
		late.Name, late.ValidUntil = "late", today+20
		none.Name, none.ValidFor = "none", 0
		apply(t, db, back, both, late, none, all)
		for _, tt := range []struct {
			pool string
			want loyalty.Day
		}{
			{"back", today + 14}, {"both", today + 10}, {"late", today + 14}, {"none", 0}, {"all", loyalty.Date(2027, 12, 31)},
		} {
			c := given(t, db, tt.pool, 1, 1)
			for _, day := range []loyalty.Day{today, today + 1} { // the mark comes twice: the mail was deferred
				update(t, db, func(tx *store.Tx) error { return coupon.Date(tx, []int64{c.ID}, day) })
			}
			if got := stateOf(t, db, c.ID).ValidUntil; got != tt.want {
				t.Errorf("a code of pool %s is good until %s, want %s", tt.pool, got, tt.want)
			}
		}
	})
}

// TestAFewCodesAreDatedByTheirIDs counts what Postgres reads in a table of codes
// that was just filled, which it has not looked at yet: each single mail does this.
func TestAFewCodesAreDatedByTheirIDs(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	apply(t, db, back)
	update(t, db, func(tx *store.Tx) error {
		_, err := tx.Exec(`
			insert into codes (pool_id, code, folded, state, occurrence_id, member_id)
			select (select min(id) from pools), 'B' || n, 'B' || n, 'reserved', n, n from generate_series(1, 5000) n`, nil)
		return err
	})
	update(t, db, func(tx *store.Tx) error {
		const times = 8 // a statement that is asked often is planned without its values
		for i := range int64(times) {
			if err := coupon.Date(tx, []int64{2*i + 1, 2*i + 2}, today); err != nil {
				return err
			}
		}
		var read int64
		err := tx.One(&read, "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relid = cast('codes' as regclass)", nil)
		if read > 10*2*times {
			t.Errorf("for %d codes of 5000, %d rows were read", 2*times, read)
		}
		return err
	})
}

// A code gets its last day when its mail is noted as sent, and keeps the one that it has.
func TestIssuedDatesWhatHasNoEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		apply(t, db, back, all)
		members(t, db, 5)
		for i, tt := range []struct {
			name, pool, before string // what happens before the mail is noted
			end                loyalty.Day
			state              string
			want               loyalty.Day // 0: none
		}{
			{"reserved", "back", "", today + 14, "issued", today + 14},
			{"reserved, and it never ends", "back", "", 0, "issued", 0},
			{"dated before", "back", "valid_until = @early", today + 14, "issued", today + 3},
			{"used before its mail was noted", "back", "state = 'redeemed'", today + 14, "redeemed", today + 14},
			{"recalled", "back", "state = 'void'", today + 14, "void", 0},
			{"shared, by its first mail", "all", "", today + 14, "issued", today + 14},
			{"shared, by a later mail", "all", "", today + 15, "issued", today + 14},
		} {
			c := given(t, db, tt.pool, 1, int64(i%5+1))
			update(t, db, func(tx *store.Tx) error {
				if tt.before != "" {
					if _, err := tx.Exec("update codes set "+tt.before+" where id = @id", store.Args{"id": c.ID, "early": today + 3}); err != nil {
						return err
					}
				}
				for range 2 {
					if err := coupon.Issued(tx, []int64{c.ID, c.ID}, tt.end); err != nil {
						return err
					}
				}
				return nil
			})
			got := stateOf(t, db, c.ID)
			end := loyalty.Day(0)
			if at := got.Ends(); at != nil {
				end = *at
			}
			if got.State != tt.state || end != tt.want {
				t.Errorf("%s: Issued with %d makes it %s until %d, want %s until %d", tt.name, tt.end, got.State, end, tt.state, tt.want)
			}
		}
	})
}

func TestAMailsFateIsItsCodes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		apply(t, db, back, summer, all)
		stock(t, db, "summer", 50)
		release, void := coupon.Release, coupon.Void
		issued := func(tx *store.Tx, sends []int64) error {
			var codes []int64
			if err := tx.All(&codes, "select code_id from sends where id in "+tx.In("@ids"), store.Args{"ids": store.IDs(sends)}); err != nil {
				return err
			}
			return coupon.Issued(tx, codes, 0)
		}
		member := int64(0)
		members(t, db, 50)
		for _, tt := range []struct {
			name  string
			pool  string
			other string // state of an earlier mail with the same code; "": none
			what  func(*store.Tx, []int64) error
			want  string
		}{
			{"sent: issued", "back", "", issued, "issued"},
			{"failed: void", "back", "", void, "void"},
			{"skipped, made for it: void", "back", "", release, "void"},
			{"skipped, from stock: free", "summer", "", release, "free"},
			{"failed, but an earlier mail showed it", "back", "sent", void, "reserved"},
			{"failed, and so did the earlier mail", "back", "failed", void, "void"},
			{"skipped, but an earlier mail may have shown it", "summer", "unknown", release, "reserved"},
			{"skipped, and so was the earlier mail", "summer", "skipped", release, "free"},
			{"a shared code stays", "all", "", void, "issued"},
			{"a shared code stays, too", "all", "", release, "issued"},
		} {
			member++
			c := given(t, db, tt.pool, 1, member)
			if tt.pool == "all" {
				c.Occurrence, c.Member = 1, member
			}
			if tt.other != "" {
				mail(t, db, c, "1-earlier", tt.other)
			}
			send := mail(t, db, c, "2-mail", "queued")
			for range 2 {
				update(t, db, func(tx *store.Tx) error { return tt.what(tx, []int64{send}) })
			}
			if got := stateOf(t, db, c.ID); got.State != tt.want {
				t.Errorf("%s: the code is %s, want %s", tt.name, got.State, tt.want)
			}
			linked := one[int64](t, db, "select count(code_id) from sends where member_id = @member", store.Args{"member": member})
			if tt.want == "free" && linked != 0 {
				t.Errorf("%s: %d sends still show the code that is free again", tt.name, linked)
			}
		}
	})
}

func TestACodeThatNobodySawIsGivenAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 2)
		p := back
		p.Stock = 1
		apply(t, db, p)
		c := given(t, db, "back", 1, 1)
		update(t, db, func(tx *store.Tx) error { return coupon.Date(tx, []int64{c.ID}, today) })
		send := mail(t, db, c, "mail", "skipped")
		update(t, db, func(tx *store.Tx) error { return coupon.Release(tx, []int64{send}) })
		again := given(t, db, "back", 1, 1)
		if again.ID != c.ID || again.State != "reserved" || again.Ends() != nil {
			t.Errorf("given again = %+v, want code %d, reserved, without an end yet", again, c.ID)
		}
		if _, err := give(db, "back", 1, 2); !errors.Is(err, coupon.ErrEmpty) {
			t.Errorf("the one code of the stock is out again, but Give = %v", err)
		}
	})
}

func TestRecallAndCancel(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 2)
		apply(t, db, back)
		first, second := given(t, db, "back", 1, 1), given(t, db, "back", 1, 2)
		update(t, db, func(tx *store.Tx) error {
			was, err := coupon.Cancel(tx, strings.ToLower(first.Code))
			if !was || err != nil {
				t.Errorf("Cancel = %v, %v, want true", was, err)
			}
			if was, err = coupon.Cancel(tx, first.Code); was || err != nil {
				t.Errorf("Cancel again = %v, %v, want false", was, err)
			}
			n, err := coupon.Recall(tx, "back")
			if n != 1 {
				t.Errorf("Recall = %d, want 1", n)
			}
			return err
		})
		for member, old := range map[int64]coupon.Code{1: first, 2: second} {
			if c := given(t, db, "back", 1, member); c.ID == old.ID {
				t.Errorf("member %d got back the code that was voided by hand", member)
			}
		}
	})
}

func TestExpire(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 3)
		short := summer
		short.ValidUntil = today + 5
		apply(t, db, back, short, all)
		stock(t, db, "summer", 3)
		made, taken, shared := given(t, db, "back", 1, 1), given(t, db, "summer", 1, 1), given(t, db, "all", 1, 1)
		update(t, db, func(tx *store.Tx) error { return coupon.Date(tx, []int64{made.ID, taken.ID}, today) })
		for _, step := range []struct {
			day   loyalty.Day
			want  int64
			state [3]string // of made, taken and shared
		}{
			{today + 5, 0, [3]string{"reserved", "reserved", "issued"}},
			{today + 6, 3, [3]string{"reserved", "expired", "issued"}},
			{today + 14, 0, [3]string{"reserved", "expired", "issued"}},
			{today + 15, 1, [3]string{"expired", "expired", "issued"}},
			{loyalty.Date(2028, 1, 1), 1, [3]string{"expired", "expired", "expired"}},
		} {
			update(t, db, func(tx *store.Tx) error {
				n, err := coupon.Expire(tx, step.day)
				if n != step.want {
					t.Errorf("Expire on %s = %d, want %d", step.day, n, step.want)
				}
				return err
			})
			got := [3]string{stateOf(t, db, made.ID).State, stateOf(t, db, taken.ID).State, stateOf(t, db, shared.ID).State}
			if got != step.state {
				t.Errorf("on %s the codes are %v, want %v", step.day, got, step.state)
			}
		}
	})
}

func redeem(db *store.DB, u coupon.Use) (r coupon.Redemption, err error) {
	err = db.Update(context.Background(), func(tx *store.Tx) error {
		r, err = coupon.Redeem(tx, u)
		return err
	})
	return r, err
}

func TestRedeem(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 9)
		twice, free := back, back
		twice.Name, twice.Uses = "twice", 2
		free.Name, free.Transferable = "free", true
		apply(t, db, back, twice, free, summer, all)
		stock(t, db, "summer", 3)
		dated := func(pool string, member int64) string {
			c := given(t, db, pool, 1, member)
			update(t, db, func(tx *store.Tx) error { return coupon.Date(tx, []int64{c.ID}, today) })
			return c.Code
		}
		void := dated("back", 3)
		update(t, db, func(tx *store.Tx) error { _, err := coupon.Cancel(tx, void); return err })
		a, b, c, d, e, f := dated("back", 1), dated("back", 2), dated("twice", 1), dated("free", 1), dated("all", 1), dated("back", 4)

		for _, tt := range []struct {
			name string
			use  coupon.Use
			want string // of the code after it
			no   string
			but  string
		}{
			{name: "typed as people type", use: coupon.Use{Code: " " + strings.ToLower(strings.ReplaceAll(a, "-", "")), Order: 1, Member: 1, Day: today, Discount: 900}, want: "redeemed"},
			{name: "the same order again", use: coupon.Use{Code: a, Order: 1, Member: 1, Day: today + 99}, want: "redeemed"},
			{name: "another order", use: coupon.Use{Code: a, Order: 2, Member: 1, Day: today}, no: "already_used"},
			{name: "a code of nobody", use: coupon.Use{Code: "NONE", Order: 1, Day: today}, no: "unknown"},
			{name: "another member's", use: coupon.Use{Code: b, Order: 3, Member: 1, Day: today}, no: "not_theirs"},
			{name: "the day after its last", use: coupon.Use{Code: b, Order: 3, Member: 2, Day: today + 15}, no: "expired"},
			{name: "on its last day, by somebody unknown", use: coupon.Use{Code: b, Order: 3, Day: today + 14}, want: "redeemed"},
			{name: "a void one", use: coupon.Use{Code: void, Order: 4, Member: 3, Day: today}, no: "void"},
			{name: "one that lies in stock", use: coupon.Use{Code: "A2", Order: 5, Day: today}, no: "not_given"},
			{name: "the first of two uses", use: coupon.Use{Code: c, Order: 6, Day: today}, want: "reserved"},
			{name: "the second", use: coupon.Use{Code: c, Order: 7, Day: today}, want: "redeemed"},
			{name: "the third", use: coupon.Use{Code: c, Order: 8, Day: today}, no: "already_used"},
			{name: "one that may be passed on", use: coupon.Use{Code: d, Order: 9, Member: 5, Day: today}, want: "redeemed"},
			{name: "a shared one", use: coupon.Use{Code: e, Order: 10, Member: 5, Day: today}, want: "issued"},
			{name: "a shared one of the next customer", use: coupon.Use{Code: e, Order: 11, Member: 6, Day: today}, want: "issued"},
			{name: "a shared one without order", use: coupon.Use{Code: e, Member: 6, Day: today}, want: "issued"},
			{name: "a shared one after its pool's end", use: coupon.Use{Code: e, Order: 12, Day: loyalty.Date(2028, 1, 1)}, no: "expired"},
			{name: "what the shop accepted is recorded", use: coupon.Use{Code: f, Order: 13, Member: 1, Day: today + 15, Accepted: true}, want: "redeemed", but: "expired"},
			{name: "also from stock, so that nobody else gets it", use: coupon.Use{Code: "A3", Order: 14, Member: 1, Day: today, Accepted: true}, want: "redeemed", but: "not_given"},
			{name: "but not what is not ours", use: coupon.Use{Code: "NONE", Order: 15, Day: today, Accepted: true}, no: "unknown"},
		} {
			r, err := redeem(db, tt.use)
			var refused *coupon.Refused
			switch {
			case tt.no != "":
				if !errors.As(err, &refused) || refused.Reason != tt.no {
					t.Errorf("%s: Redeem = %v, want it refused: %s", tt.name, err, tt.no)
				}
			case err != nil || r.Code.State != tt.want || r.But != tt.but:
				t.Errorf("%s: Redeem = %s but %q, %v, want %s but %q", tt.name, r.Code.State, r.But, err, tt.want, tt.but)
			}
		}
		type row struct{ MemberID, OrderID, Day, Discount int64 }
		if got, want := one[row](t, db, "select member_id, order_id, day, discount from redemptions where order_id = 1", nil), (row{1, 1, int64(today), 900}); got != want {
			t.Errorf("the first redemption = %+v, want %+v", got, want)
		}
		if got := one[int64](t, db, "select member_id from redemptions where order_id = 3", nil); got != 2 {
			t.Errorf("presented by nobody it is member %d's, want its own member's, 2", got)
		}
	})
}

func TestLook(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 2)
		apply(t, db, back)
		c := given(t, db, "back", 1, 1)
		update(t, db, func(tx *store.Tx) error {
			r, err := coupon.Look(tx, c.Code, 1, today)
			if err != nil || r.Pool.Percent != 15 || r.Code.ID != c.ID {
				t.Errorf("Look = %+v, %v, want 15 percent", r, err)
			}
			var refused *coupon.Refused
			if _, err := coupon.Look(tx, c.Code, 2, today); !errors.As(err, &refused) || refused.Reason != "not_theirs" {
				t.Errorf("Look by another member = %v, want not_theirs", err)
			}
			return nil
		})
		if n := one[int64](t, db, "select count(*) from redemptions", nil); n != 0 {
			t.Errorf("looking redeemed %d codes", n)
		}
	})
}

// One code under 64 tills at once is redeemed once, and under 64 deliveries of
// one order once.
func TestRedeemRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 2)
		apply(t, db, back)
		for _, tt := range []struct {
			name   string
			member int64
			order  func(i int) int64
			ok     int64
		}{
			{"64 orders", 1, func(i int) int64 { return int64(i + 1) }, 1},
			{"64 times one order", 2, func(int) int64 { return 100 }, 64},
		} {
			c := given(t, db, "back", 1, tt.member)
			var ok, again atomic.Int64
			var wait sync.WaitGroup
			for i := range 64 {
				wait.Go(func() {
					r, err := redeem(db, coupon.Use{Code: c.Code, Order: tt.order(i), Member: tt.member, Day: today, Discount: 100})
					var refused *coupon.Refused
					switch {
					case err == nil:
						ok.Add(1)
						if r.Again {
							again.Add(1)
						}
					case !errors.As(err, &refused) || refused.Reason != "already_used":
						t.Error(err)
					}
				})
			}
			wait.Wait()
			n := one[int64](t, db, "select count(*) from redemptions where code_id = @code", store.Args{"code": c.ID})
			if ok.Load() != tt.ok || again.Load() != tt.ok-1 || n != 1 {
				t.Errorf("%s: %d went through, %d of them again, %d redemptions; want %d, %d, 1", tt.name, ok.Load(), again.Load(), n, tt.ok, tt.ok-1)
			}
		}
	})
}

func TestOf(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 2)
		apply(t, db, back, summer, all)
		stock(t, db, "summer", 5)
		given(t, db, "back", 1, 1)
		given(t, db, "summer", 1, 1)
		given(t, db, "summer", 2, 1)
		shared := given(t, db, "all", 1, 1)
		shared.Occurrence, shared.Member = 1, 1
		mail(t, db, shared, "mail", "sent")
		update(t, db, func(tx *store.Tx) error {
			codes, err := coupon.Of(tx, 1)
			if len(codes) != 4 || !slices.IsSortedFunc(codes, func(a, b coupon.Code) int { return int(b.ID - a.ID) }) {
				t.Errorf("Of = %+v, want four codes, the newest first", codes)
			}
			return err
		})
	})
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 9)
		low, budget := summer, back
		low.Low = 4
		budget.Name, budget.Percent, budget.Amount, budget.Budget, budget.Low = "budget", 0, 500, 5000, 9
		apply(t, db, back, low, budget, program.Pool{Name: "none", Kind: "imported"})
		stock(t, db, "summer", 5)
		given(t, db, "back", 1, 1)
		given(t, db, "budget", 1, 1)
		c := given(t, db, "summer", 1, 1)
		given(t, db, "summer", 1, 2)
		if _, err := redeem(db, coupon.Use{Code: c.Code, Order: 1, Day: today, Discount: 450}); err != nil {
			t.Fatal(err)
		}
		type line struct {
			name                                  string
			free, reserved, redeemed, left, spent int64
			low                                   bool
		}
		want := []line{
			{"back", 0, 1, 0, -1, 0, false},
			{"budget", 0, 1, 0, 9, 0, false},
			{"none", 0, 0, 0, 0, 0, false},
			{"summer", 3, 1, 1, 3, 450, true},
		}
		var got []line
		update(t, db, func(tx *store.Tx) error {
			all, err := coupon.Statuses(tx, today)
			for _, s := range all {
				got = append(got, line{s.Name, s.Free, s.Reserved, s.Redeemed, s.Left, s.Spent, s.IsLow})
			}
			return err
		})
		if !slices.Equal(got, want) {
			t.Errorf("Statuses = %+v, want %+v", got, want)
		}
	})
}

// use is what the tests below say of a code's redemptions.
const use = `select count(*) || ' uses, ' || count(*) filter (where not undone) || ' stand, ' || coalesce(sum(discount) filter (where not undone), 0) || ' given, orders ' ||
	coalesce(sum(order_id), 0) from redemptions r join codes c on c.id = r.code_id where c.code = @code`

func TestAnOrderTakesOverTheUseThatWaits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 9)
		twice := back
		twice.Name, twice.Uses = "twice", 2
		apply(t, db, back, twice, all)
		at := func(days int) loyalty.Instant { return now.Plus(time.Duration(days) * 24 * time.Hour) }
		for _, tt := range []struct {
			name string
			pool string
			uses []coupon.Use
			want string
		}{
			{"at the till, then by the order", "back", []coupon.Use{{Discount: 500}, {Order: 1, Member: 1, Discount: 500, Accepted: true}}, "1 uses, 1 stand, 500 given, orders 1"},
			{"the order says no discount", "back", []coupon.Use{{Discount: 500}, {Order: 1, Member: 1, Accepted: true}}, "1 uses, 1 stand, 500 given, orders 1"},
			{"the order says another discount", "back", []coupon.Use{{Discount: 500}, {Order: 1, Member: 1, Discount: 400, Accepted: true}}, "1 uses, 1 stand, 400 given, orders 1"},
			{"the order comes weeks later, of somebody else", "back", []coupon.Use{{}, {Order: 1, Member: 2, Discount: 400, Accepted: true, At: at(30)}}, "1 uses, 1 stand, 400 given, orders 1"},
			{"the order comes twice", "back", []coupon.Use{{}, {Order: 1, Member: 2, Accepted: true}, {Order: 1, Member: 2, Accepted: true}}, "1 uses, 1 stand, 0 given, orders 1"},
			{"the till names the order afterwards", "back", []coupon.Use{{Discount: 500}, {Order: 1, Member: 1}}, "1 uses, 1 stand, 500 given, orders 1"},
			{"two uses of a code for two", "twice", []coupon.Use{{Discount: 500}, {Order: 1, Member: 1, Accepted: true}, {Order: 2, Member: 1, Discount: 500}}, "2 uses, 2 stand, 1000 given, orders 3"},
			{"a shared code of two members", "all", []coupon.Use{{Member: 2, Discount: 500}, {Member: 3, Discount: 500}, {Order: 4, Member: 3, Accepted: true}, {Order: 3, Member: 2, Accepted: true}}, "2 uses, 2 stand, 1000 given, orders 7"},
			{"a shared code of nobody", "all", []coupon.Use{{Discount: 500}, {Order: 4, Member: 3, Accepted: true}}, "1 uses, 1 stand, 500 given, orders 4"},
			{"a shared code in another week", "all", []coupon.Use{{Member: 2, Discount: 500}, {Order: 4, Member: 2, Discount: 500, Accepted: true, At: at(8)}}, "2 uses, 2 stand, 1000 given, orders 4"},
			{"a key told twice", "all", []coupon.Use{{Key: "a", Discount: 500}, {Key: "a", Discount: 500}, {Key: "b", Discount: 500}}, "2 uses, 2 stand, 1000 given, orders 0"},
			{"a key told again after the order", "back", []coupon.Use{{Key: "a", Discount: 500}, {Order: 1, Member: 1, Accepted: true}, {Key: "a", Discount: 500}}, "1 uses, 1 stand, 500 given, orders 1"},
		} {
			exec(t, db, "delete from redemptions", nil)
			exec(t, db, "delete from codes", nil)
			c := given(t, db, tt.pool, 1, 1)
			for i, u := range tt.uses {
				u.Code, u.Day = c.Code, today
				if _, err := redeem(db, u); err != nil {
					t.Errorf("%s: use %d: %v", tt.name, i, err)
				}
			}
			if got := one[string](t, db, use, store.Args{"code": c.Code}); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
		}
	})
}

func TestUsesFollowTheirOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		members(t, db, 9)
		again := back
		again.Name, again.GoodAgain, again.Budget, again.Amount, again.Percent = "again", true, 500, 500, 0
		used := again
		used.Name, used.GoodAgain = "used", false
		apply(t, db, again, used)
		follow := func(undone, stand []int64) {
			update(t, db, func(tx *store.Tx) error { return coupon.Follow(tx, undone, stand) })
		}
		for _, tt := range []struct{ pool, cancelled, no string }{{"again", "issued", ""}, {"used", "redeemed", "already_used"}} {
			c := given(t, db, tt.pool, 1, 1)
			if _, err := redeem(db, coupon.Use{Code: c.Code, Order: 7, Member: 1, Day: today, Discount: 500}); err != nil {
				t.Fatal(err)
			}
			follow([]int64{7}, nil)
			if got, want := one[string](t, db, use, store.Args{"code": c.Code}), "1 uses, 0 stand, 0 given, orders 7"; got != want {
				t.Errorf("%s, its order cancelled: %s, want %s", tt.pool, got, want)
			}
			if got := stateOf(t, db, c.ID).State; got != tt.cancelled {
				t.Errorf("%s, its order cancelled: the code is %s, want %s", tt.pool, got, tt.cancelled)
			}
			reason := ""
			update(t, db, func(tx *store.Tx) error {
				_, err := coupon.Look(tx, c.Code, 1, today)
				if no := (*coupon.Refused)(nil); errors.As(err, &no) {
					reason = no.Reason
					return nil
				}
				return err
			})
			if reason != tt.no {
				t.Errorf("%s, its order cancelled: refused for %q, want %q", tt.pool, reason, tt.no)
			}
			follow(nil, []int64{7})
			if got, want := one[string](t, db, use, store.Args{"code": c.Code}), "1 uses, 1 stand, 500 given, orders 7"; got != want {
				t.Errorf("%s, its order taken up again: %s, want %s", tt.pool, got, want)
			}
			if got := stateOf(t, db, c.ID).State; got != "redeemed" {
				t.Errorf("%s, its order taken up again: the code is %s, want redeemed", tt.pool, got)
			}
			exec(t, db, "delete from redemptions", nil)
		}
	})
}

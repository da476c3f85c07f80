package points

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"regulars/internal/coupon"
	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// A card that is full gives its code at once: its lots are read once, with them is known how
// often it is full, and then the code, the claim, what is drawn from the lots and the event
// are written, each once. Codes that are not made for their members, since they lie in stock
// or are the same for all, take longer: their claims are written before.

// cardFilled is the event of a card that is full.
const cardFilled = "card.filled"

// filling is a card that was filled, once.
type filling struct {
	walletKey
	card    program.Card
	now     int64 // so often is the card full at once, this time included
	nth     int64 // … and so often was it in all
	claim   int64
	entry   int64
	claimed bool // the claim is written
	code    coupon.Made
}

// key is the claim's, of idempotency.
func (f *filling) key() string { return fmt.Sprintf("%d %s", f.member, f.name()) }

// name is what the claim is known by outside the database.
func (f *filling) name() string { return fmt.Sprintf("%s %d", f.wallet, f.nth) }

// fill has cards with enough stamps give their codes, as many as are full by what is open in
// wallets; the surplus stays. Where the pool has none left the card stays full, and gives one
// with the next stamp, or in the first night in which there is one.
func (r *Rules) fill(tx *store.Tx, open map[walletKey]int64, news map[int64]int64, known *standing) error {
	l, err := r.now().Loyalty()
	if err != nil || l == nil {
		return err
	}
	all := fillings(open, l.Cards)
	if len(all) == 0 {
		return nil
	}
	// All that is asked goes in one round trip, with what was booked.
	b, err := r.openLots(tx, walletsOf(all))
	if err != nil {
		return err
	}
	if err := number(tx, all); err != nil {
		return err
	}
	pools, err := poolsOf(tx, all)
	if err != nil {
		return err
	}
	if err := tx.Await(); err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(f *filling) bool { return openOf(b.wallets[f.walletKey].lots, b.today) < f.now*f.card.Full })
	if all, err = r.give(tx, pools, all); err != nil || len(all) == 0 {
		return err
	}
	if err := r.redeem(tx, b, all, known); err != nil {
		return fmt.Errorf("%d full cards: %w", len(all), err)
	}
	return r.tellFilled(tx, all, news)
}

// fillAny is fill of wallets of which nobody knows what is open.
func (r *Rules) fillAny(tx *store.Tx, wallets []walletKey, news map[int64]int64) error {
	if len(wallets) == 0 {
		return nil
	}
	b, err := r.openLots(tx, wallets)
	if err != nil {
		return err
	}
	if err := tx.Await(); err != nil {
		return err
	}
	open := map[walletKey]int64{}
	for k, w := range b.wallets {
		open[k] = openOf(w.lots, b.today)
	}
	return r.fill(tx, open, news, nil)
}

// fillings are what cards are full for, by member and card, with so much open in wallets.
func fillings(open map[walletKey]int64, cards []program.Card) (all []*filling) {
	for k, n := range open {
		i := slices.IndexFunc(cards, func(c program.Card) bool { return c.Name == k.wallet })
		if i < 0 {
			continue
		}
		for times := range n / cards[i].Full {
			all = append(all, &filling{walletKey: k, card: cards[i], now: times + 1})
		}
	}
	slices.SortFunc(all, func(x, y *filling) int {
		return cmp.Or(cmp.Compare(x.member, y.member), cmp.Compare(x.wallet, y.wallet), cmp.Compare(x.now, y.now))
	})
	return all
}

// walletsOf are those of fillings, each once.
func walletsOf(all []*filling) (wallets []walletKey) {
	for _, f := range all {
		if f.now == 1 {
			wallets = append(wallets, f.walletKey)
		}
	}
	return wallets
}

// number gives fillings the ids of their rows, and counts those that came before, with the
// next question.
func number(tx *store.Tx, all []*filling) error {
	rows := make([][]any, len(all))
	for i, f := range all {
		rows[i] = []any{i, f.member, f.wallet}
	}
	columns := []string{"n bigint", "member_id bigint", "wallet text"}
	return tx.EachLater(fmt.Sprintf("how often %d cards were full", len(all)), `
		select r.n, `+tx.NextID("claims")+`, `+tx.NextID("entries")+`,
		       (select count(*) from `+tx.RowsBy("claims", "member_id = r.member_id")+` c where c.reward = r.wallet and c.source = 'card')
		from   `+tx.Wide(columns...), tx.Wider(rows, columns...), func(scan func(...any) error) error {
		var n, claim, entry, before int64
		err := scan(&n, &claim, &entry, &before)
		f := all[n]
		f.claim, f.entry, f.nth = claim, entry, f.now+before
		return err
	})
}

// poolsOf are the pools of full cards by their names, as the next question finds them.
func poolsOf(tx *store.Tx, all []*filling) (pools map[string]*coupon.Making, err error) {
	members := map[string][]int64{}
	for _, f := range all {
		members[f.card.Gives] = append(members[f.card.Gives], f.member)
	}
	pools = map[string]*coupon.Making{}
	for pool, some := range members {
		if pools[pool], err = coupon.ToMake(tx, pool, some); err != nil {
			return nil, err
		}
	}
	return pools, nil
}

// give gives the full cards a code each, and returns those for whom there was one.
func (r *Rules) give(tx *store.Tx, pools map[string]*coupon.Making, all []*filling) ([]*filling, error) {
	of := map[string][]*filling{}
	for _, f := range all {
		of[f.card.Gives] = append(of[f.card.Gives], f)
	}
	for _, pool := range slices.Sorted(maps.Keys(of)) {
		claims := make([]coupon.Claimed, len(of[pool]))
		for i, f := range of[pool] {
			claims[i] = coupon.Claimed{ID: f.claim, Member: f.member, Source: "card", Name: f.name()}
		}
		made, err := pools[pool].Make(tx, claims, r.today(tx), rand.Reader)
		if err == nil && made == nil {
			made, err = r.giveClaimed(tx, pool, of[pool])
		}
		if err != nil {
			return nil, err
		}
		for _, f := range of[pool] {
			f.code = made[f.claim]
		}
	}
	return slices.DeleteFunc(all, func(f *filling) bool { return f.code.ID == 0 }), nil
}

// giveClaimed gives codes of a pool that wants to see the claims, and writes these.
func (r *Rules) giveClaimed(tx *store.Tx, pool string, all []*filling) (map[int64]coupon.Made, error) {
	if err := r.writeClaims(tx, all); err != nil {
		return nil, err
	}
	to := make([]coupon.To, len(all))
	for i, f := range all {
		to[i] = coupon.To{Occurrence: -f.claim, Member: f.member}
	}
	given, err := coupon.GiveNow(tx, pool, to, r.today(tx), rand.Reader)
	if err != nil {
		return nil, err
	}
	codes, err := coupon.Load(tx, slices.Collect(maps.Values(given)))
	if err != nil {
		return nil, err
	}
	made := map[int64]coupon.Made{}
	var none []int64
	var rows [][]any
	for i, f := range all {
		id := given[to[i]]
		if f.claimed = id != 0; !f.claimed {
			none = append(none, f.claim)
			continue
		}
		made[f.claim] = coupon.Made{ID: id, Code: codes[id].Code, Ends: codes[id].ValidUntil}
		rows = append(rows, []any{f.claim, id})
	}
	if none != nil {
		if _, err := tx.Exec("delete from claims where id in "+tx.In("@ids"), store.Args{"ids": store.IDs(none)}); err != nil {
			return nil, err
		}
	}
	if rows == nil {
		return made, nil
	}
	_, err = tx.Exec("update claims set code_id = r.code from "+tx.Values("id bigint", "code bigint")+" where claims.id = r.id", store.Args{"rows": store.Rows(rows)})
	return made, err
}

var claimColumnsOfCards = []string{"id bigint", "member_id bigint", "reward text", "price bigint", "key text", "code_id bigint"}

// writeClaims writes the claims of full cards, with their codes where they are known.
func (r *Rules) writeClaims(tx *store.Tx, all []*filling) error {
	rows := make([][]any, len(all))
	for i, f := range all {
		var code any
		if f.code.ID != 0 {
			code = f.code.ID
		}
		rows[i] = []any{f.claim, f.member, f.wallet, f.card.Full, f.key(), code}
	}
	args := tx.Wider(rows, claimColumnsOfCards...)
	args["now"], args["today"] = tx.At, int64(r.today(tx))
	_, err := tx.Exec(`
		insert into claims (`+names(claimColumnsOfCards)+`, state, source, body, at, day)
		select `+names(claimColumnsOfCards)+`, 'done', 'card', '', `+tx.Instant("@now")+`, cast(@today as bigint)
		from   `+tx.Wide(claimColumnsOfCards...), args)
	return err
}

// redeem takes the stamps of cards that gave a code from what lies in their wallets.
func (r *Rules) redeem(tx *store.Tx, b *books, all []*filling, known *standing) error {
	var entries []Entry
	for _, f := range all {
		w := b.wallets[f.walletKey]
		draws, _ := loyalty.Spend(w.lots, f.entry, f.card.Full, b.today, 0) // there are enough: they were counted
		b.draws = append(b.draws, draws...)
		entries = append(entries, Entry{ID: f.entry, MemberID: f.member, Wallet: f.wallet, At: tx.At, Day: b.today, Kind: redeem, Amount: -f.card.Full,
			Cause: "claim:" + strconv.FormatInt(f.claim, 10), ClaimID: &f.claim, VersionID: r.now().Version})
	}
	b.settle()
	if err := b.renew(); err != nil {
		return err
	}
	for k, w := range b.wallets {
		expiry, err := r.now().expiry(k.wallet)
		if err != nil {
			return err
		}
		known.drawn(w, expiry, b.today)
	}
	unclaimed := slices.DeleteFunc(slices.Clone(all), func(f *filling) bool { return f.claimed })
	if tx.Postgres() {
		return r.writeFilled(tx, b, unclaimed, entries, known.keeps(entries))
	}
	if len(unclaimed) > 0 {
		if err := r.writeClaims(tx, unclaimed); err != nil {
			return err
		}
	}
	if _, err := insert(tx, entries); err != nil {
		return err
	}
	return b.write()
}

// writeFilled writes the claims of full cards, the entries that take their stamps, and what
// these draw from lots, in one statement of Postgres. What is drawn from stamps adds to no
// sum of points, and the statement tells the triggers so; kept says that their members' facts
// will have what stands in wallets afterwards.
func (r *Rules) writeFilled(tx *store.Tx, b *books, unclaimed []*filling, entries []Entry, kept bool) error {
	filled := arraysOf(entries)
	columns, args := names(filled.columns), filled.args
	var claims, members, prices, codes, debits, credits, amounts []int64
	var rewards, keys []string
	for _, f := range unclaimed {
		claims, members, rewards = append(claims, f.claim), append(members, f.member), append(rewards, f.wallet)
		prices, keys, codes = append(prices, f.card.Full), append(keys, f.key()), append(codes, f.code.ID)
	}
	for _, d := range b.drawn() {
		debits, credits, amounts = append(debits, d.Debit), append(credits, d.Credit), append(amounts, d.N)
	}
	gone, rows := b.changed()
	for name, list := range map[string][]int64{"claims": claims, "members": members, "prices": prices, "codes": codes, "debits": debits, "credits": credits, "amounts": amounts} {
		args[name] = store.Array(list)
	}
	args["rewards"], args["keys"], args["gone"] = store.Array(rewards), store.Array(keys), store.IDs(gone)
	args["now"], args["today"], args["told"], args["drawn"] = tx.At, int64(b.today), "yes", "yes"
	switch {
	case slices.ContainsFunc(entries, func(e Entry) bool { return e.Wallet == Wallet }): // a card has that name
		args["told"], args["drawn"] = "", ""
	case kept:
		args["told"] = "kept"
	}
	err := tx.Later(fmt.Sprintf("writing %d full cards", len(entries)), `
		with claimed as (
		  insert into claims (id, member_id, reward, price, key, code_id, state, source, body, at, day)
		  select c.*, 'done', 'card', '', cast(@now as timestamptz), cast(@today as bigint)
		  from   unnest(cast(@claims as bigint[]), cast(@members as bigint[]), cast(@rewards as text[]), cast(@prices as bigint[]), cast(@keys as text[]), cast(@codes as bigint[])) c),
		booked as (
		  insert into entries (`+columns+`)
		  select `+columns+` from `+tx.Wide(filled.columns...)+`),
		taken as (
		  insert into draws (debit_id, credit_id, amount)
		  select d.* from unnest(cast(@debits as bigint[]), cast(@credits as bigint[]), cast(@amounts as bigint[])) d),
		gone as (
		  delete from lots where credit_id in `+tx.In("@gone")+`)
		select set_config('regulars.summed', @told, true), set_config('regulars.drawn', @drawn, true)`, args)
	if err != nil {
		return err
	}
	return keepLots(tx, rows)
}

// tellFilled tells of cards that gave a code.
func (r *Rules) tellFilled(tx *store.Tx, all []*filling, news map[int64]int64) error {
	events := make([]happenings.Own, len(all))
	for i, f := range all {
		properties := map[string]any{"card": f.wallet, "code": f.code.Code}
		if f.code.Ends != 0 {
			properties["until"] = f.code.Ends.String()
		}
		order, isNews := news[f.member]
		events[i] = happenings.Own{Member: f.member, Type: cardFilled, Key: fmt.Sprintf("%s:%d", cardFilled, f.claim), Order: order, Properties: properties, News: isNews}
	}
	return happenings.Tell(tx, r.today(tx), events)
}

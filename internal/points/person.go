package points

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// merged is the kind of what is booked because two members are one.
const merged = "merge"

// End ends all that members have, in every wallet, and lets their debts go: a row for
// each lot and each debt says why. Held rewards are released before. Doing it again
// books nothing. The members are locked.
func (r *Rules) End(tx *store.Tx, members []int64, reason, by string) error {
	if r == nil || len(members) == 0 {
		return nil
	}
	args := store.Args{"members": store.IDs(members)}
	some := "(select value from " + tx.JSONEach("@members") + ")"
	var held []int64
	if err := tx.All(&held, "select id from claims where state = 'held' and member_id in "+some+" order by id", args); err != nil {
		return fmt.Errorf("held rewards: %w", err)
	}
	for _, id := range held {
		if _, err := r.Release(tx, id); err != nil {
			return err
		}
	}
	if _, err := r.Expire(tx, members); err != nil {
		return err
	}
	b, err := r.openAll(tx, "entries", members)
	if err != nil || b == nil {
		return err
	}
	b.settle()
	var entries []Entry
	lots := map[string]*loyalty.Lot{}
	for _, w := range b.wallets {
		e := Entry{MemberID: w.key.member, Wallet: w.key.wallet, At: tx.At, Day: b.today, VersionID: r.now().Version, Reason: reason, ByWhom: by}
		for _, l := range w.lots {
			if l.Remains == 0 {
				continue
			}
			e.Kind, e.Amount, e.Cause = expire, -l.Remains, fmt.Sprintf("ended:%d", l.ID)
			lots[e.Cause] = l
			entries = append(entries, e)
		}
		for _, d := range w.debts {
			if d.Rest == 0 {
				continue
			}
			e.Kind, e.Amount, e.Cause, e.OpensDay = adjust, d.Rest, fmt.Sprintf("ended:%d", d.ID), &b.today
			entries = append(entries, e)
		}
	}
	fresh, err := insert(tx, entries)
	if err != nil {
		return err
	}
	for _, e := range fresh {
		if e.OpensDay != nil {
			b.credit(e)
			continue
		}
		l := lots[e.Cause]
		b.draws = append(b.draws, loyalty.Draw{Debit: e.ID, Credit: l.ID, N: l.Remains})
		l.Remains = 0
	}
	b.settle()
	return b.write()
}

// Merge brings the ledger of a member, who has got another's rows just now, to what it
// would be had they been one from the start: a bonus that is given once and was given to
// both is taken back as far as it has not ended, orders are booked again, for limits and
// remainders go by all of a member's, debts are paid and full cards give their codes.
// twice are the rows that were booked to both for one cause. Nothing of it is news. The
// member is locked.
func (r *Rules) Merge(tx *store.Tx, member int64, twice []int64) error {
	if r == nil {
		return nil
	}
	var doubled []struct{ ID, N int64 }
	err := tx.All(&doubled, `
		select e.id, e.amount - coalesce((select cast(sum(d.amount) as bigint)
		                                  from   draws d join entries x on x.id = d.debit_id and x.kind = '`+expire+`'
		                                  where  d.credit_id = e.id), 0) as n
		from   entries e
		where  e.id in (select value from `+tx.JSONEach("@ids")+`) and e.member_id = @member and e.wallet = '`+Wallet+`'
		and    e.kind = '`+bonus+`' and (e.cause like 'joined:%' or e.cause like 'birthday:%')
		order  by e.id`, store.Args{"ids": store.IDs(twice), "member": member})
	if err != nil {
		return fmt.Errorf("what was given to both: %w", err)
	}
	var back []Entry
	for _, d := range doubled {
		if d.N > 0 {
			back = append(back, Entry{MemberID: member, Wallet: Wallet, At: tx.At, Day: r.today(tx), Kind: merged, Amount: -d.N,
				Cause: fmt.Sprintf("merge:%d", d.ID), VersionID: r.now().Version, Reason: "two members are one, and this is given once"})
		}
	}
	if _, err := r.add(tx, back); err != nil {
		return err
	}
	var orders []int64
	if err := tx.All(&orders, "select id from orders where member_id = @member order by id", store.Args{"member": member}); err != nil {
		return err
	}
	quiet := *r
	quiet.NewsWithin = -1
	if _, err := quiet.Book(tx, orders); err != nil {
		return err
	}
	if err := r.Rebuild(tx, []int64{member}); err != nil {
		return err
	}
	l, err := r.now().Loyalty()
	if err != nil || l == nil {
		return err
	}
	var cards []walletKey
	for _, c := range l.Cards {
		cards = append(cards, walletKey{member, c.Name})
	}
	return r.fillAny(tx, cards, nil)
}

package points

import (
	"fmt"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// NoCard says that the program has no card of that name, to machines.
const NoCard = "unknown"

// mostAtOnce is how many stamps one booking gives or takes at most.
const mostAtOnce = 100

// Stamped is what became of stamps that a till or a person gave or took back.
type Stamped struct {
	CardLine
	Booked int64         // below 0: taken back, as many as were there
	Codes  []coupon.Code // that the card gave for them, being full
	Again  bool          // it was booked before, with the same key
}

// Stamp gives a member stamps on a card, or takes back what is there of them, without a
// debt. A card that is full gives its code at once. With a key that came before nothing is
// booked, and ErrKey answers who asked for something else with it.
func (r *Rules) Stamp(tx *store.Tx, card string, h Hand) (s Stamped, err error) {
	c, err := r.card(card)
	if err != nil {
		return s, err
	}
	if h.N == 0 || h.N > mostAtOnce || h.N < -mostAtOnce {
		return s, &Wrong{"n", fmt.Sprintf("%d is no number of stamps to book: give a whole number from 1 to %d, or one below 0 to take some back", h.N, mostAtOnce)}
	}
	if err := lock(tx, h.Member); err != nil {
		return s, err
	}
	key := walletKey{h.Member, c.Name}
	id, err := r.stampedBefore(tx, key, h)
	if err != nil {
		return s, err
	}
	if s.Again = id != 0; !s.Again {
		if id, err = r.bookStamps(tx, key, c, h); err != nil {
			return s, err
		}
	}
	if s.Booked, s.Codes, err = stampedFor(tx, key, id); err != nil {
		return s, err
	}
	s.CardLine, err = r.cardLine(tx, key, c)
	return s, err
}

// card is one of the program's by its name.
func (r *Rules) card(name string) (c program.Card, err error) {
	l, err := r.now().Loyalty()
	if err != nil {
		return c, err
	}
	var names []string
	for _, c := range l.Cards {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	words := fmt.Sprintf("there is no card %q", name)
	if near := loyalty.Nearest(name, names); near != "" {
		words += ": " + near + " is one"
	}
	return c, &Refused{NoCard, words}
}

// stampedBefore is the entry that was booked with the key; 0: none was.
func (r *Rules) stampedBefore(tx *store.Tx, key walletKey, h Hand) (int64, error) {
	if h.Key == "" {
		return 0, nil
	}
	var was []struct {
		ID, MemberID, Amount int64
		Wallet               string
	}
	err := tx.All(&was, "select id, member_id, amount, wallet from entries where cause = @cause and kind = '"+adjust+"' limit 1", store.Args{"cause": "key:" + h.Key})
	if err != nil || len(was) == 0 {
		return 0, err
	}
	if (walletKey{was[0].MemberID, was[0].Wallet}) != key || was[0].Amount != h.N {
		return 0, ErrKey
	}
	return was[0].ID, nil
}

// bookStamps books what is asked for, and lets go of what is to be taken back and is not
// there.
func (r *Rules) bookStamps(tx *store.Tx, key walletKey, c program.Card, h Hand) (id int64, err error) {
	today := r.today(tx)
	cause := "key:" + h.Key
	if h.Key == "" {
		if cause, err = nextByHand(tx, key); err != nil {
			return 0, err
		}
	}
	e := Entry{MemberID: h.Member, Wallet: c.Name, At: tx.At, Day: today, Kind: adjust, Amount: h.N, Cause: cause, VersionID: r.now().Version, Reason: h.Because, ByWhom: h.By}
	entries := []Entry{e}
	if h.N > 0 {
		entries[0].opens(today, c.Expire)
	} else {
		line, err := r.cardLine(tx, key, c)
		if err != nil {
			return 0, err
		}
		if short := -h.N - max(0, line.Stamps); short > 0 {
			e.Amount, e.Cause, e.Reason, e.OpensDay = short, "let go:"+cause, "nothing was left to take back", &today
			entries = append(entries, e)
		}
	}
	fresh, err := r.add(tx, entries)
	if err != nil {
		return 0, err
	}
	id = fresh[0].ID
	if h.N < 0 {
		return id, nil
	}
	return id, r.fillAny(tx, []walletKey{key}, map[int64]int64{h.Member: 0})
}

// stampedFor is how many stamps an entry came to, and the codes that the card gave
// before anything else was booked on it.
func stampedFor(tx *store.Tx, key walletKey, id int64) (n int64, codes []coupon.Code, err error) {
	args := store.Args{"id": id, "member": key.member, "wallet": key.wallet}
	err = tx.One(&n, `
		select e.amount + coalesce((select g.amount from entries g where g.member_id = e.member_id and g.wallet = e.wallet and g.cause = 'let go:' || e.cause), 0)
		from   entries e
		where  e.id = @id`, args)
	if err != nil {
		return 0, nil, err
	}
	var ids []int64
	err = tx.All(&ids, `
		select c.code_id
		from   entries e join claims c on c.id = e.claim_id
		where  e.member_id = @member and e.wallet = @wallet and e.id > @id and e.kind = '`+redeem+`'
		and    not exists (select 1 from entries b
		                   where  b.member_id = e.member_id and b.wallet = e.wallet and b.id > @id and b.id < e.id and b.kind <> '`+redeem+`')
		order  by e.id`, args)
	if err != nil || ids == nil {
		return n, nil, err
	}
	loaded, err := coupon.Load(tx, ids)
	for _, id := range ids {
		codes = append(codes, loaded[id])
	}
	return n, codes, err
}

// Words say to the person at the till what became of the stamps.
func (s Stamped) Words() string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if s.Again {
		say("it was booked before")
	}
	switch taken := -s.Booked; {
	case s.Booked > 0:
		say("%s given", stamps(s.Booked))
	case taken > 0:
		say("%s taken back", stamps(taken))
	default:
		say("there was no stamp to take back")
	}
	for _, code := range s.Codes {
		until := ""
		if code.ValidUntil != 0 {
			until = ", good until " + code.ValidUntil.String()
		}
		say("the card was full: %s%s", code.Code, until)
	}
	switch {
	case s.Stamps >= s.Of:
		say("the card is full, and there is no code left of %s: it comes as soon as there is one", s.Gives)
	case s.Stamps < 0:
		say("%s more were taken back than there were", stamps(-s.Stamps))
	default:
		say("%d of %d now", s.Stamps, s.Of)
	}
	return strings.Join(all, "; ")
}

func stamps(n int64) string {
	if n == 1 {
		return "1 stamp"
	}
	return fmt.Sprintf("%d stamps", n)
}

package points

import (
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/segments"
)

// Happened is an event of a member, as it was stored.
type Happened struct {
	Member     int64
	Event      int64 // events.id
	Type       string
	At         loyalty.Instant
	Properties map[string]any
}

// Heard books what events give. Their members are locked.
func (r *Rules) Heard(tx *store.Tx, events []Happened) (Booked, error) {
	if r == nil {
		return Booked{}, nil
	}
	var entries []Entry
	given := map[givenKey]int64{} // by this call
	for _, h := range events {
		era := r.at(h.At)
		rates, err := era.points()
		if err != nil {
			return Booked{}, err
		}
		day := loyalty.DayOf(h.At.Time, r.Zone)
		var n int64
		for _, e := range rates.Earn {
			if e.For != "event" || e.Event != h.Type || day < r.Since {
				continue
			}
			if e.If != nil {
				tier, err := tierAt(tx, h.Member, h.At, day)
				if err != nil {
					return Booked{}, err
				}
				if !e.If.Given(segments.Query{Day: day, Tier: tier, Moment: h.At.In(r.Zone), Event: h.Properties}) {
					continue
				}
			}
			if within, err := r.within(tx, e, h, day, given); err != nil || !within {
				if err != nil {
					return Booked{}, err
				}
				continue
			}
			n += e.N
		}
		if n == 0 {
			continue
		}
		given[givenKey{h.Member, h.Type}]++
		entries = append(entries, r.bonus(tx, era, rates, Entry{MemberID: h.Member, At: h.At, Amount: n, Cause: fmt.Sprintf("event:%d", h.Event), EventID: &h.Event}, day))
	}
	b, err := r.book(tx, entries, nil)
	if err != nil {
		return Booked{}, err
	}
	return b.Booked, nil
}

// tierAt is the tier that a member held at a moment of a day, "" for none.
func tierAt(tx *store.Tx, member int64, at loyalty.Instant, day loyalty.Day) (string, error) {
	var held []string
	err := tx.All(&held, `
		select t.tier from member_tiers t
		where  t.member_id = @member and t.since_at <= @at and (t.left_day is null or t.left_day > @day)
		order  by t.since_at desc, t.id desc limit 1`, store.Args{"member": member, "at": at, "day": int64(day)})
	return strings.Join(held, ""), err
}

type givenKey struct {
	member int64
	kind   string
}

// within reports whether a way to earn may give once more for an event.
func (r *Rules) within(tx *store.Tx, e program.Earn, h Happened, day loyalty.Day, given map[givenKey]int64) (bool, error) {
	if e.AtMost.Per == (loyalty.Period{}) {
		return true, nil
	}
	var n int64
	err := tx.One(&n, `
		select count(*) from entries b join events e on e.id = b.event_id and e.member_id = b.member_id
		where  b.member_id = @member and b.wallet = '`+Wallet+`' and b.kind = '`+bonus+`' and e.type = @type and e.day > @after and e.day <= @day and e.id <> @event`,
		store.Args{"member": h.Member, "type": h.Type, "after": int64(e.AtMost.Per.Before(day)), "day": int64(day), "event": h.Event})
	return n+given[givenKey{h.Member, h.Type}] < e.AtMost.N, err
}

// bonus is an entry that can be spent at once.
func (r *Rules) bonus(tx *store.Tx, era Era, rates *program.Points, e Entry, day loyalty.Day) Entry {
	e.Wallet, e.Kind, e.Day, e.VersionID = Wallet, bonus, r.bookedOn(tx, day), era.Version
	e.opens(day, rates.Expire)
	return e
}

// Joined gives those of the members who have joined since the program's first day what
// joining gives, once in a lifetime.
func (r *Rules) Joined(tx *store.Tx, members []int64) (Booked, error) {
	if r == nil || len(members) == 0 {
		return Booked{}, nil
	}
	era := r.now()
	rates, err := era.points()
	if err != nil {
		return Booked{}, err
	}
	n := total(rates.Earn, "joined")
	if n == 0 {
		return Booked{}, nil
	}
	var rows []struct {
		ID       int64
		JoinedAt loyalty.Instant
	}
	err = tx.All(&rows, `
		select m.id, m.joined_at from members m
		where  m.id in (select value from `+tx.JSONEach("@members")+`) and m.joined_day >= @since and m.joined_day <= @today
		and    not exists (select 1 from entries e where e.member_id = m.id and e.wallet = '`+Wallet+`' and e.cause = 'joined')
		order  by m.id`, store.Args{"members": store.IDs(members), "since": int64(r.Since), "today": int64(r.today(tx))})
	if err != nil {
		return Booked{}, fmt.Errorf("who has joined: %w", err)
	}
	var entries []Entry
	for _, row := range rows {
		entries = append(entries, r.bonus(tx, era, rates, Entry{MemberID: row.ID, At: row.JoinedAt, Amount: n, Cause: "joined"}, loyalty.DayOf(row.JoinedAt.Time, r.Zone)))
	}
	b, err := r.book(tx, entries, nil)
	if err != nil {
		return Booked{}, err
	}
	return b.Booked, nil
}

// Birthdays returns those who are yet to get something for their birthday on a day, and
// locks them: there is one in a calendar year. Who was born on a leap day has it on the
// last of February.
func (r *Rules) Birthdays(tx *store.Tx, day loyalty.Day) ([]int64, error) {
	rates, err := r.now().points()
	if err != nil {
		return nil, err
	}
	if total(rates.Earn, "birthday") == 0 || day < r.Since {
		return nil, nil
	}
	var kept [][]any
	for _, k := range loyalty.Keeping(day) {
		kept = append(kept, []any{int(k.Month), k.Date})
	}
	var members []int64
	err = tx.All(&members, `
		select m.id from members m
		where  (m.birth_month, m.birth_date) in (select r.month, r.date from `+tx.Values("month integer", "date integer")+`) and m.joined_day <= @day
		and    m.erased_at is null and m.merged_into is null
		and    not exists (select 1 from entries e where e.member_id = m.id and e.wallet = '`+Wallet+`' and e.cause = @cause)
		order  by m.id `+tx.ForUpdate(), store.Args{"rows": store.Rows(kept), "day": int64(day), "cause": birthdayCause(day)})
	if err != nil {
		return nil, fmt.Errorf("whose birthday is on %s: %w", day, err)
	}
	return members, nil
}

func birthdayCause(day loyalty.Day) string {
	year, _, _ := day.Civil()
	return fmt.Sprintf("birthday:%d", year)
}

// GiveBirthday books what a birthday on a day gives to those whom Birthdays returned.
func (r *Rules) GiveBirthday(tx *store.Tx, day loyalty.Day, members []int64) error {
	era := r.now()
	rates, err := era.points()
	if err != nil {
		return err
	}
	n := total(rates.Earn, "birthday")
	var entries []Entry
	at := loyalty.At(day.Start(r.Zone))
	for _, member := range members {
		entries = append(entries, r.bonus(tx, era, rates, Entry{MemberID: member, At: at, Amount: n, Cause: birthdayCause(day)}, day))
	}
	_, err = r.add(tx, entries)
	return err
}

// total is what ways to earn give that ask for nothing but that something happens.
func total(all []program.Earn, what string) (n int64) {
	for _, e := range all {
		if e.For == what {
			n += e.N
		}
	}
	return n
}

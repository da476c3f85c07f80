package delivery

import (
	"errors"
	"fmt"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// The kinds of touches.
const (
	Click  = "click"
	Opened = "open"
)

// Touch is what somebody, or something, did with a mail.
type Touch struct {
	Member, Send int64 // as the link says
	Kind         string
	Link         string // where a click leads; "" of an opening
	Machine      bool   // the request is a machine's by its looks
}

// Machines follow links sooner and faster than people do: nobody reads a mail
// within two seconds of its hand-over, nor follows three of its links in one.
const (
	tooSoon = 2_000_000 // microseconds after the hand-over
	atOnce  = 1_000_000 // microseconds
	tooMany = 3         // different links
)

// Touched keeps a touch and returns the member if it was a person's, 0 if not.
// All touches are kept, and only those of people count. What the link says
// counts where the send is one to its member: ids repeat after a restore. Of
// somebody erased nothing is kept.
func Touched(tx *store.Tx, t Touch) (member int64, err error) {
	if member, err = consent.Present(tx, t.Member); err != nil {
		return 0, ignoreNotFound(err)
	}
	zone, err := tx.Zone()
	if err != nil {
		return 0, err
	}
	args := store.Args{"send": t.Send, "was": t.Member, "member": member, "kind": t.Kind, "link": t.Link, "now": tx.At,
		"day": int64(loyalty.DayOf(tx.At.Time, zone)), "human": !t.Machine, "soon": tooSoon, "at_once": atOnce}
	var person []bool
	err = tx.All(&person, `
		insert into touches (send_id, member_id, campaign_id, kind, at, day, person, link)
		select s.id, m.id, s.campaign_id, @kind, `+tx.Instant("@now")+`, cast(@day as bigint),
		       cast(@human as boolean) and `+tx.Micros(tx.Instant("@now"))+` - `+tx.Micros("s.handed_at")+` > @soon, @link
		from   sends s
		join   members m on m.id = @member and m.erased_at is null
		where  s.id = @send and s.member_id in (@member, @was) and s.handed_at is not null
		returning person`, args)
	if err != nil {
		return 0, fmt.Errorf("a %s on send %d: %w", t.Kind, t.Send, err)
	}
	if len(person) == 0 || !person[0] {
		return 0, nil
	}
	rushed, err := rush(tx, args)
	if rushed || err != nil {
		return 0, err
	}
	return member, nil
}

// rush finds many links of one mail followed at once, and takes back that a
// person did.
func rush(tx *store.Tx, args store.Args) (bool, error) {
	within := "send_id = @send and kind = 'click' and " + tx.Micros(tx.Instant("@now")) + " - " + tx.Micros("at") + " < @at_once"
	var links int
	if err := tx.One(&links, "select count(distinct link) from touches where "+within, args); err != nil || links < tooMany {
		return false, err
	}
	_, err := tx.Exec("update touches set person = false where person and "+within, args)
	return true, err
}

func ignoreNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

package marketing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/runs"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Launch is a start of a campaign by hand.
type Launch struct {
	runs.LaunchRequest

	Drop   bool  // a campaign that hands out no codes is refused
	Once   bool  // By names the attempt: a later one of the same name finds what the first began
	Agreed int64 // how many mails a person said yes to: clearly more than that are refused; 0: nobody was asked for a number
}

// Grown says that a launch would mail clearly more members than a person agreed to.
type Grown struct{ Agreed, Now int64 }

func (g *Grown) Error() string {
	return fmt.Sprintf("%d members would be mailed by now, and you agreed to %d: look again, and say yes to the new number", g.Now, g.Agreed)
}

// agreed refuses what is more than a tenth above the number that a person agreed to. A
// few members more or less between the question and the answer are nobody's surprise.
func (l Launch) agreed(now int64) error {
	if l.Agreed > 0 && now > l.Agreed+l.Agreed/10 {
		return &Grown{l.Agreed, now}
	}
	return nil
}

// Preview says what a launch would do.
type Preview struct {
	Never    []string // what can never happen in the campaign
	Audience runs.Audience
	Out      Out
}

// Out is by when the mails of a launch are out, if nothing else goes.
type Out struct {
	Warmup loyalty.Day   // the last day under the warm-up of the sender; 0: there is none today
	Domain string        // the one whose rate takes longest; "": none has a rate
	Takes  time.Duration // how long it does
}

// isOut works out by when so many mails are out. How many go to a domain it takes from
// all members with an address.
func isOut(tx *store.Tx, mails int64) (out Out, err error) {
	w, err := tx.Warmup()
	if err != nil || mails == 0 {
		return out, err
	}
	if w.Limited {
		out.Warmup = w.LastDay(mails)
	}
	v, err := versions.Active(tx)
	if err != nil || len(v.Program.Rate) == 0 {
		return out, err
	}
	var domains []struct {
		Domain  string
		Members int64
		All     int64
	}
	after := "substr(email, instr(email, '@') + 1)"
	if tx.Postgres() {
		after = "split_part(email, '@', 2)"
	}
	err = tx.All(&domains, `
		select lower(`+after+`) as domain, count(*) as members, cast(sum(count(*)) over () as bigint) as "all"
		from   members where email <> '' and merged_into is null and erased_at is null
		group  by 1 order by 2 desc limit @most`, store.Args{"most": domainsSeen})
	for _, d := range domains {
		rate, limited := v.Program.Rate.Of(d.Domain)
		if !limited {
			continue
		}
		if takes := rate.Takes(mails * d.Members / d.All); takes > out.Takes {
			out.Domain, out.Takes = d.Domain, takes
		}
	}
	return out, err
}

// domainsSeen is how many domains are looked at for their rate, those of most members
// first.
const domainsSeen = 50

// Launched is what a launch began.
type Launched struct {
	runs.Launched
	Earlier    bool   `json:"-"` // an earlier attempt of this name began it
	QuietUntil string `json:"-"` // 09:00: the end of the quiet hours that it is in; "": it is in none
}

// Never says what can never happen in a campaign; PreviewLaunch says it too.
func (m Marketer) Never(ctx context.Context, name string) (words []string, err error) {
	err = m.DB.View(ctx, func(tx *store.Tx) (err error) { words, err = runs.Never(tx, name); return err })
	return words, err
}

// PreviewLaunch says whom a launch would mail and whom not. It writes nothing. What
// can never happen is said also beside an error.
func (m Marketer) PreviewLaunch(ctx context.Context, l Launch) (p Preview, err error) {
	err = m.DB.View(ctx, func(tx *store.Tx) (err error) {
		if p.Never, err = runs.Never(tx, l.Campaign); err != nil {
			return err
		}
		if err := l.check(tx); err != nil {
			return err
		}
		if p.Audience, err = runs.PreviewLaunch(tx, l.LaunchRequest); err != nil {
			return err
		}
		p.Out, err = isOut(tx, p.Audience.Mailed)
		return err
	})
	return p, err
}

// Launch starts a campaign. With a key, and as one attempt, it is safe to repeat;
// else a second one with the same values on one day is runs.ErrLaunched.
func (m Marketer) Launch(ctx context.Context, l Launch) (Launched, error) {
	return update(ctx, m.DB, func(tx *store.Tx) (done Launched, err error) {
		if l.Once && l.Key == "" {
			err := tx.One(&done.Occurrence, `
				select o.id
				from   occurrences o join campaigns c on c.id = o.campaign_id
				where  c.name = @campaign and o.started_by = @by`, store.Args{"campaign": l.Campaign, "by": l.By})
			if done.Earlier = err == nil; !errors.Is(err, store.ErrNotFound) {
				return done, err
			}
		}
		if err := l.check(tx); err != nil {
			return done, err
		}
		if done.Launched, err = runs.Launch(tx, l.LaunchRequest); err != nil {
			return done, err
		}
		if err := l.agreed(done.Audience.Mailed); err != nil && !done.Again {
			return done, err
		}
		if err := m.note(tx, staff.Act{By: cmp.Or(m.By, l.By), Act: "launch", About: "campaign " + l.Campaign, After: fmt.Sprintf("occurrence %d", done.Occurrence)}); err != nil {
			return done, err
		}
		done.QuietUntil, err = m.quietUntil(tx, l.Campaign)
		return done, err
	})
}

// CheckLaunch says what would be wrong with a launch now, without starting it.
func CheckLaunch(tx *store.Tx, l Launch) error {
	if err := runs.CheckLaunch(tx, l.LaunchRequest); err != nil {
		return err
	}
	return l.check(tx)
}

// check refuses a drop of what hands out no codes.
func (l Launch) check(tx *store.Tx) error {
	if !l.Drop {
		return nil
	}
	v, err := versions.Active(tx)
	if err != nil {
		return err
	}
	c, err := v.Campaign(l.Campaign)
	if err == nil && !slices.ContainsFunc(c.Steps, func(s program.Step) bool { return s.Coupon != "" }) {
		err = fmt.Errorf("%s hands out no codes: it is no drop. Use launch", l.Campaign)
	}
	return err
}

// quietUntil returns when the shop's quiet hours end for a campaign, "" when it is
// not in them.
func (m Marketer) quietUntil(tx *store.Tx, name string) (string, error) {
	v, err := versions.Active(tx)
	if err != nil {
		return "", err
	}
	hours := v.Program.Quiet
	if c := v.Program.Campaign(name); c != nil && c.Quiet != nil {
		hours = *c.Quiet
	}
	local := tx.At.In(v.Program.Zone)
	if next := hours.Next(local); next.After(local) {
		return next.Format("15:04"), nil
	}
	return "", nil
}

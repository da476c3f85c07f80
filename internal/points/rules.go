package points

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Wallet is the one of points; cards have wallets of their own.
const Wallet = "points"

// Rules are what the versions of the program say of points.
type Rules struct {
	Since loyalty.Day // orders and events from this day on count
	Began loyalty.Day // the program first kept points, cards or referrals: what was before is its history
	Zone  *time.Location

	NewsWithin time.Duration // an order older than that is history

	Eras []Era // from the oldest; the last is in force

	before map[int64]string // order → the tier before it, where it is told of the past
}

// Era is a version of the program.
type Era struct {
	Version int64
	From    loyalty.Instant // when it was applied
	Loyalty func() (*program.Loyalty, error)
}

// Read returns the rules of points, cards and referrals, nil where the program in force
// has none of them.
func Read(tx *store.Tx, v *versions.Version) (*Rules, error) {
	own := v.Program.Loyalty
	if own == nil || own.Points == nil && len(own.Cards) == 0 && own.Referral == nil {
		return nil, nil
	}
	began, err := store.Kept(tx, eraKey(v.ID), func() (beginning, error) { return readBeginning(tx, v.ID) })
	if err != nil && !errors.Is(err, errJustApplied) {
		return nil, err
	}
	r := &Rules{Since: began.since, Began: began.since, Zone: v.Program.Zone, NewsWithin: v.Program.NewsWithin}
	if own.Points != nil && own.Points.Since != 0 {
		r.Since = own.Points.Since
	}
	for _, row := range began.versions {
		r.Eras = append(r.Eras, Era{row.ID, row.AppliedAt, sync.OnceValues(func() (*program.Loyalty, error) {
			if row.ID == v.ID {
				return own, nil
			}
			of, err := versions.Of(tx, row.ID)
			if refused := (*versions.Refused)(nil); errors.As(err, &refused) { // a version that this binary does not read any more
				return own, nil
			}
			if err != nil {
				return nil, err
			}
			return of.Program.Loyalty, nil
		})})
	}
	return r, nil
}

// beginning is since when a program keeps points, and its versions up to one.
type beginning struct {
	since    loyalty.Day
	versions []applied
}

type applied struct {
	ID        int64
	AppliedAt loyalty.Instant
}

type eraKey int64 // of the version in force

func readBeginning(tx *store.Tx, version int64) (b beginning, err error) {
	text, err := tx.Setting(store.SettingPointsSince)
	if err != nil {
		return b, fmt.Errorf("since when there are points: %w", err)
	}
	var first versions.FirstPoints
	if err := json.Unmarshal([]byte(text), &first); err != nil {
		return b, fmt.Errorf("since when there are points: %w", err)
	}
	b.since = first.Day
	if err := tx.All(&b.versions, "select id, applied_at from versions where id >= @first and id <= @id order by id", store.Args{"first": first.Version, "id": version}); err != nil {
		return b, err
	}
	if n := len(b.versions); n > 0 && b.versions[n-1].AppliedAt.Equal(tx.At.Time) {
		return b, errJustApplied
	}
	return b, nil
}

// errJustApplied says that the version in force is this transaction's own: what is read
// of it is not to be remembered, for it may come to nothing.
var errJustApplied = errors.New("the version in force was just applied")

// at is the version that was in force at a moment; the first one speaks for what was
// before it.
func (r *Rules) at(moment loyalty.Instant) Era {
	for i := len(r.Eras) - 1; i > 0; i-- {
		if !r.Eras[i].From.After(moment.Time) {
			return r.Eras[i]
		}
	}
	return r.Eras[0]
}

// of is a version by its id; one that is no longer there is the version in force.
func (r *Rules) of(version int64) Era {
	for _, e := range r.Eras {
		if e.Version == version {
			return e
		}
	}
	return r.now()
}

// ByTier reports whether what is earned by orders of before the program depends on a tier.
func (r *Rules) ByTier() (bool, error) {
	if r == nil {
		return false, nil
	}
	l, err := r.Eras[0].Loyalty()
	if err != nil || l == nil || l.Points == nil {
		return false, err
	}
	return slices.ContainsFunc(l.Tiers, func(t program.Tier) bool { return t.Percent != 0 && t.Percent != 100 }) ||
		slices.ContainsFunc(l.Points.Earn, func(e program.Earn) bool { return e.If != nil && slices.Contains(e.If.Reads(), "tier") }), nil
}

// By are the rules where the tiers are told that members had before orders of the past.
func (r *Rules) By(before map[int64]string) *Rules {
	told := *r
	told.before = before
	return &told
}

// KeepsPoints reports whether the program in force keeps points, and not only cards.
func (r *Rules) KeepsPoints() (bool, error) {
	l, err := r.now().Loyalty()
	return l != nil && l.Points != nil, err
}

func (r *Rules) now() Era { return r.Eras[len(r.Eras)-1] }

// points are those of a version; none where it has no points.
func (e Era) points() (*program.Points, error) {
	l, err := e.Loyalty()
	if err != nil || l == nil || l.Points == nil {
		return &program.Points{}, err
	}
	return l.Points, nil
}

// percent is what a tier makes of 100 points.
func (e Era) percent(tier string) (int64, error) {
	l, err := e.Loyalty()
	if err != nil || l == nil {
		return 100, err
	}
	for _, t := range l.Tiers {
		if t.Name == tier && t.Percent != 0 {
			return t.Percent, nil
		}
	}
	return 100, nil
}

// expiry is when what lies in a wallet ends.
func (e Era) expiry(wallet string) (loyalty.Expiry, error) {
	l, err := e.Loyalty()
	switch {
	case err != nil || l == nil:
		return loyalty.Expiry{}, err
	case wallet == Wallet && l.Points != nil:
		return l.Points.Expire, nil
	}
	for _, c := range l.Cards {
		if c.Name == wallet {
			return c.Expire, nil
		}
	}
	return loyalty.Expiry{}, nil
}

// Today is the shop's day of the transaction's moment.
func (r *Rules) today(tx *store.Tx) loyalty.Day { return loyalty.DayOf(tx.At.Time, r.Zone) }

// bookedOn is the day on which the books say something of a day: today, however late it
// comes, so that no month that is over changes. What was before there were points here is
// told on its own day, for the books of those days begin with it.
func (r *Rules) bookedOn(tx *store.Tx, day loyalty.Day) loyalty.Day {
	if day < r.Began {
		return day
	}
	return r.today(tx)
}

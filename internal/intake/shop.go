package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/phone"
	"regulars/internal/points"
	"regulars/internal/store"
	"regulars/internal/tiers"
	"regulars/internal/versions"
	"regulars/segments"
)

// Before the first apply of a program, days are UTC's and amounts euros.
const (
	firstZone     = "UTC"
	firstCurrency = "EUR"
	newsWithin    = 3 * 24 * time.Hour
)

// Shop is what the program in force says about reading what comes in.
type Shop struct {
	now         loyalty.Instant
	Zone        *time.Location
	Currency    string
	NewsWithin  time.Duration
	Attributes  map[string]segments.Type
	languages   []string
	confirm     bool   // joining is by double opt-in
	country     string // in which phone numbers are read; "": none
	phones      string // in which those were read that are known
	pepper      []byte
	points      *points.Rules // nil: the program keeps none, and no cards
	keepsPoints bool
	tiers       *tiers.Tiers // nil: the program has none
}

// Shop returns the shop of the moment.
func (in *Intake) Shop(ctx context.Context) (s Shop, err error) {
	err = in.db.View(ctx, func(tx *store.Tx) (err error) {
		s, err = readShop(tx, nil)
		return err
	})
	return s, err
}

// readShop returns the shop of the moment. Zone and currency are settings, so
// that a transaction that began before an apply cannot mix two of them.
func readShop(tx *store.Tx, pepper []byte) (Shop, error) {
	s := Shop{now: tx.At, Currency: firstCurrency, NewsWithin: newsWithin, pepper: pepper}
	zone := firstZone
	settings := map[string]*string{store.SettingZone: &zone, store.SettingCurrency: &s.Currency, store.SettingPhones: &s.phones}
	err := tx.EachLater("reading the shop", "select key, value from settings where key in ('"+store.SettingZone+"', '"+store.SettingCurrency+"', '"+store.SettingPhones+"')", nil, func(scan func(...any) error) error {
		var key, value string
		err := scan(&key, &value)
		if err == nil {
			*settings[key] = value
		}
		return err
	})
	if err != nil {
		return s, err
	}
	v, missing := versions.Active(tx)
	if err := tx.Await(); err != nil {
		return s, err
	}
	if s.Zone, err = time.LoadLocation(zone); err != nil {
		return s, fmt.Errorf("the shop's zone: %w", err)
	}
	switch err := missing; {
	case errors.Is(err, versions.ErrNoProgram):
	case err != nil:
		return s, err
	default:
		s.country = cmp.Or(v.Program.Shop.Country, phone.CountryOf(v.Program.Zone.String()))
		s.NewsWithin, s.Attributes, s.confirm = v.Program.NewsWithin, v.Program.Attributes, v.Program.Confirm
		s.languages, s.tiers = v.Program.Languages, tiers.Of(v)
		s.keepsPoints = v.Program.Loyalty != nil && v.Program.Loyalty.Points != nil
		if s.points, err = points.Read(tx, v); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Today is the shop's day of the moment.
func (s Shop) Today() loyalty.Day { return loyalty.DayOf(s.now.Time, s.Zone) }

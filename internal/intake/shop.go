package intake

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/phone"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// Before the first apply of a program, days are UTC's and amounts euros.
const (
	firstZone     = "UTC"
	firstCurrency = "EUR"
	newsWithin    = 3 * 24 * time.Hour
)

// shop is what the program in force says about reading what comes in.
type shop struct {
	now        loyalty.Instant
	zone       *time.Location
	currency   string
	newsWithin time.Duration
	attributes map[string]segments.Type
	languages  []string
	confirm    bool   // joining is by double opt-in
	country    string // in which phone numbers are read; "": none
	phones     string // in which those were read that are known
	pepper     []byte
}

// readShop returns the shop of the moment. Zone and currency are settings, so
// that a transaction that began before an apply cannot mix two of them.
func readShop(tx *store.Tx, pepper []byte) (shop, error) {
	s := shop{now: tx.At, currency: firstCurrency, newsWithin: newsWithin, pepper: pepper}
	var rows []struct{ Key, Value string }
	err := tx.All(&rows, "select key, value from settings where key in ('"+store.SettingZone+"', '"+store.SettingCurrency+"', '"+store.SettingPhones+"')", nil)
	if err != nil {
		return s, err
	}
	zone := firstZone
	for _, row := range rows {
		switch row.Key {
		case store.SettingZone:
			zone = row.Value
		case store.SettingPhones:
			s.phones = row.Value
		default:
			s.currency = row.Value
		}
	}
	if s.zone, err = time.LoadLocation(zone); err != nil {
		return s, fmt.Errorf("the shop's zone: %w", err)
	}
	switch v, err := versions.Active(tx); {
	case errors.Is(err, versions.ErrNoProgram):
	case err != nil:
		return s, err
	default:
		s.country = cmp.Or(v.Program.Shop.Country, phone.CountryOf(v.Program.Zone.String()))
		s.newsWithin, s.attributes, s.confirm = v.Program.NewsWithin, v.Program.Attributes, v.Program.Confirm
		s.languages = v.Program.Languages
	}
	return s, nil
}

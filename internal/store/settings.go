package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"regulars/internal/loyalty"
)

// Names of settings that more than one room reads.
const (
	SettingVersion     = "active_version" // id of the program version in force
	SettingZone        = "zone"           // IANA: days were computed in it
	SettingCurrency    = "currency"       // ISO 4217: amounts are in its minor units
	SettingPhones      = "phones"         // ISO 3166: the country in which phone numbers were read
	SettingPoints      = "points"         // entries: the program keeps points itself; else others do, in point_changes
	SettingPointsSince = "points_since"   // JSON: the day and the version by which it first did
	SettingBudget      = "budget"         // JSON: what points and rewards may cost, loyalty.Budget
	SettingWarmup      = "warmup"         // JSON: how many mails a new sender hands over on a day, loyalty.Warmup
	SettingScoring     = "scoring"        // JSON: where the scores of RFM divide members, segments.Scoring
	SettingPepper      = "pepper"         // hex: keys the suppression hash
	SettingSecret      = "secret_key"     // hex: made once on the embedded default
)

// Setting returns the value of a setting, ErrNotFound when it was never set.
func (tx *Tx) Setting(key string) (value string, err error) {
	// Nearly every transaction asks for one: this is the quicker way.
	err = tx.One(&value, "select value from settings where key = @key", Args{"key": key})
	return value, err
}

// SetSetting stores a setting.
func (tx *Tx) SetSetting(key, value string) error {
	tx.Reread()
	return tx.Put(&settingRow{key, value})
}

// SettingOr returns a setting, which it first makes, once and for all replicas,
// from what fresh returns.
func (tx *Tx) SettingOr(key string, fresh func() string) (string, error) {
	_, err := tx.Exec(`
		insert into settings (key, value) values (@key, @value)
		on conflict (key) do nothing`, Args{"key": key, "value": fresh()})
	if err != nil {
		return "", err
	}
	return tx.Setting(key)
}

// Secret returns a setting of 32 random bytes, which it draws once and for all
// replicas.
func (tx *Tx) Secret(key string, random io.Reader) ([]byte, error) {
	fresh := make([]byte, 32)
	if _, err := io.ReadFull(random, fresh); err != nil {
		return nil, fmt.Errorf("drawing the %s: %w", key, err)
	}
	text, err := tx.SettingOr(key, func() string { return hex.EncodeToString(fresh) })
	if err != nil {
		return nil, fmt.Errorf("the %s: %w", key, err)
	}
	return hex.DecodeString(text)
}

// Zone returns the shop's zone: UTC before the first program is applied.
func (tx *Tx) Zone() (*time.Location, error) {
	name, err := tx.Setting(SettingZone)
	if errors.Is(err, ErrNotFound) {
		return time.UTC, nil
	}
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("the shop's zone: %w", err)
	}
	return zone, nil
}

// Today is the shop's day of the transaction's moment.
func (tx *Tx) Today() (loyalty.Day, error) {
	zone, err := tx.Zone()
	if err != nil {
		return 0, err
	}
	return loyalty.DayOf(tx.At.Time, zone), nil
}

package campaign

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Refused is the error of files that cannot be put in force.
type Refused struct{ Problems []program.Problem }

func (e *Refused) Error() string {
	var lines []string
	for _, p := range e.Problems {
		if p.Level != program.Warning {
			lines = append(lines, p.String())
		}
	}
	return strings.Join(lines, "\n")
}

// Applied says what Apply did.
type Applied struct {
	Version int64    `json:"version"`
	Same    bool     `json:"same"`              // the files were in force already; nothing has changed
	Live    []string `json:"live,omitempty"`    // campaigns that went live by it
	Removed []string `json:"removed,omitempty"` // campaigns that are no longer part of the program

	// ZoneWas is the zone in which the days of orders and events were computed so
	// far, if the program has another one: they must be computed anew.
	ZoneWas string `json:"zone_was,omitempty"`
}

// Apply stores the files of a program as a version and puts it in force. What
// follows for many members (who is in a new segment, who was there when a
// campaign went live) is left to the passes, so that it takes a moment only.
//
// A campaign that stays keeps its identity, also under a new name (was), with
// the passages and runs under way, its dates, and what a person held or paused.
// Passages of a campaign that is gone end. *Refused when the files are not right.
func (b *Book) Apply(tx *store.Tx, files map[string]string, by, note string) (Applied, error) {
	old, err := b.lockActive(tx)
	if err != nil {
		return Applied{}, err
	}
	return b.apply(tx, old, files, nil, by, note)
}

// apply is Apply over the version in force; later says what campaigns of these
// files are called now.
func (b *Book) apply(tx *store.Tx, old *Version, files, later map[string]string, by, note string) (Applied, error) {
	hash := program.Hash(files)
	if old != nil && old.Hash == hash {
		return Applied{Version: old.ID, Same: true}, b.retry(tx, old)
	}
	next, _, problems := program.Load(files)
	if program.Blocked(problems) {
		return Applied{}, &Refused{problems}
	}
	id, err := storeVersion(tx, files, hash, by, note)
	if err != nil {
		return Applied{}, fmt.Errorf("storing the version: %w", err)
	}
	done := Applied{Version: id}
	if err := b.putInForce(tx, old, next, later, &done); err != nil {
		return Applied{}, fmt.Errorf("putting version %d in force: %w", id, err)
	}
	b.hint(tx, "segment.pass") // new segments are filled
	b.hint(tx, "flow.settle")  // campaigns that went live are settled
	return done, nil
}

// lockActive makes concurrent applies wait for each other and returns the
// version in force, nil before the first.
func (b *Book) lockActive(tx *store.Tx) (*Version, error) {
	if _, err := tx.SettingOr(store.SettingVersion, func() string { return "0" }); err != nil {
		return nil, err
	}
	var id string
	if err := tx.One(&id, "select value from settings where key = @key "+tx.ForUpdate(), store.Args{"key": store.SettingVersion}); err != nil {
		return nil, err
	}
	v, err := b.Active(tx)
	if errors.Is(err, ErrNoProgram) {
		return nil, nil
	}
	return v, err
}

func storeVersion(tx *store.Tx, files map[string]string, hash, by, note string) (id int64, err error) {
	err = tx.One(&id, `
		insert into versions (hash, files, applied_by, note, applied_at)
		values (@hash, `+tx.JSONParam("@files")+`, @by, @note, @now) returning id`,
		store.Args{"hash": hash, "files": store.JSON(files), "by": by, "note": note, "now": tx.At})
	if err != nil {
		return 0, err
	}
	return id, tx.SetSetting(store.SettingVersion, strconv.FormatInt(id, 10))
}

// putInForce brings the rows that go with a program into line with it.
func (b *Book) putInForce(tx *store.Tx, old *Version, next *program.Program, later map[string]string, done *Applied) error {
	if err := settleGround(tx, next, done); err != nil {
		return err
	}
	if err := syncSegments(tx, old, next); err != nil {
		return fmt.Errorf("segments: %w", err)
	}
	if err := coupon.Apply(tx, next.Pools); err != nil {
		return fmt.Errorf("pools: %w", err)
	}
	gone, err := syncCampaigns(tx, old, next, later, done)
	if err != nil {
		return fmt.Errorf("campaigns: %w", err)
	}
	if err := b.endAll(tx, gone, "removed"); err != nil {
		return err
	}
	v, err := b.Active(tx)
	if err != nil {
		return err
	}
	if err := syncTimetable(tx, v); err != nil {
		return fmt.Errorf("timetable: %w", err)
	}
	return b.retry(tx, v)
}

// endAll ends the passages under way of campaigns that are gone.
func (b *Book) endAll(tx *store.Tx, campaigns []int64, reason string) error {
	if len(campaigns) == 0 {
		return nil
	}
	ids, err := passagesWhere(tx, "p.campaign_id in @campaigns", store.Args{"campaigns": campaigns})
	if err != nil {
		return err
	}
	return b.exit(tx, ids, reason)
}

// ErrCurrency says that amounts are stored in minor units of another currency.
var ErrCurrency = errors.New("the stored amounts have another number of decimals than the new currency: it can be changed only before the first order")

// settleGround keeps the zone and the currency in which days and amounts are
// stored, and where the scores divide members.
func settleGround(tx *store.Tx, next *program.Program, done *Applied) error {
	zone, err := settingOr(tx, store.SettingZone, "UTC")
	if err != nil {
		return err
	}
	currency, err := settingOr(tx, store.SettingCurrency, "EUR")
	if err != nil {
		return err
	}
	if loyalty.CurrencyDigits(currency) != loyalty.CurrencyDigits(next.Currency) {
		var there int
		if err := tx.One(&there, "select count(*) from (select 1 from orders limit 1) o", nil); err != nil {
			return err
		}
		if there > 0 {
			return ErrCurrency
		}
	}
	if zone != next.Zone.String() {
		done.ZoneWas = zone
	}
	if err := tx.SetSetting(store.SettingZone, next.Zone.String()); err != nil {
		return err
	}
	if err := tx.SetSetting(store.SettingCurrency, next.Currency); err != nil {
		return err
	}
	return norms.SetScoring(tx, next.Scoring)
}

func settingOr(tx *store.Tx, key, otherwise string) (string, error) {
	v, err := tx.Setting(key)
	if errors.Is(err, store.ErrNotFound) {
		return otherwise, nil
	}
	return v, err
}

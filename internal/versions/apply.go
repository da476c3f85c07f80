package versions

import (
	"errors"
	"fmt"
	"strconv"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/program"
	"regulars/internal/store"
)

// Lock makes concurrent applies wait for each other and returns the
// version in force, nil before the first.
func Lock(tx *store.Tx) (*Version, error) {
	if _, err := tx.SettingOr(store.SettingVersion, func() string { return "0" }); err != nil {
		return nil, err
	}
	var id string
	if err := tx.One(&id, "select value from settings where key = @key "+tx.ForUpdate(), store.Args{"key": store.SettingVersion}); err != nil {
		return nil, err
	}
	tx.Reread() // another may have been applied while this one waited
	v, err := Active(tx)
	if errors.Is(err, ErrNoProgram) {
		return nil, nil
	}
	return v, err
}

// Put stores the files of a program as a version and puts it in force: it brings the
// zone, the currency and the rows of campaigns and segments into line. later says what
// campaigns of these files are called now; gone are those that are no longer part.
// The caller holds Lock, and has loaded next from the files.
func Put(tx *store.Tx, old *Version, next *program.Program, files, later map[string]string, by, note string) (done Applied, gone []int64, err error) {
	err = tx.One(&done.Version, `
		insert into versions (hash, files, applied_by, note, applied_at)
		values (@hash, `+tx.JSONParam("@files")+`, @by, @note, @now) returning id`,
		store.Args{"hash": program.Hash(files), "files": store.JSON(files), "by": by, "note": note, "now": tx.At})
	if err != nil {
		return done, nil, fmt.Errorf("storing the version: %w", err)
	}
	if err := tx.SetSetting(store.SettingVersion, strconv.FormatInt(done.Version, 10)); err != nil {
		return done, nil, err
	}
	if err := keepPictures(tx, files); err != nil {
		return done, nil, err
	}
	if err := keepGround(tx, next, &done); err != nil {
		return done, nil, err
	}
	if err := keepPoints(tx, old, next, &done); err != nil {
		return done, nil, fmt.Errorf("points: %w", err)
	}
	if err := syncSegments(tx, old, next); err != nil {
		return done, nil, fmt.Errorf("segments: %w", err)
	}
	if gone, err = syncCampaigns(tx, old, next, later, &done); err != nil {
		return done, nil, fmt.Errorf("campaigns: %w", err)
	}
	return done, gone, nil
}

// ErrCurrency says that amounts are stored in minor units of another currency.
var ErrCurrency = errors.New("the stored amounts have another number of decimals than the new currency: it can be changed only before the first order")

// keepGround keeps the zone and the currency in which days and amounts are
// stored, how many mails a new sender hands over, and where the scores divide members.
func keepGround(tx *store.Tx, next *program.Program, done *Applied) error {
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
	if err := tx.SetSetting(store.SettingWarmup, store.JSON(next.Warmup)); err != nil {
		return err
	}
	return norms.SetScoring(tx, next.Scoring)
}

// FirstPoints is by which version a program first kept points, cards or referrals itself, and when.
type FirstPoints struct {
	Version int64       `json:"version"`
	Day     loyalty.Day `json:"day"`
}

// keepPoints notes who keeps points: the program itself, or others.
func keepPoints(tx *store.Tx, old *Version, next *program.Program, done *Applied) error {
	keeps := "changes"
	if next.Loyalty != nil && next.Loyalty.Points != nil {
		keeps = "entries"
	}
	if next.Loyalty != nil && (next.Loyalty.Points != nil || len(next.Loyalty.Cards) > 0 || next.Loyalty.Referral != nil) {
		first := FirstPoints{done.Version, loyalty.DayOf(tx.At.Time, next.Zone)}
		if _, err := tx.SettingOr(store.SettingPointsSince, func() string { return store.JSON(first) }); err != nil {
			return err
		}
	}
	if err := keepBudget(tx, next); err != nil {
		return err
	}
	if old != nil && endsAnew(old.Program.Loyalty, next.Loyalty) {
		if _, err := tx.Exec("insert into passes (name, day, started_at, note) values (@name, @version, @now, '0')",
			store.Args{"name": EndsAnew, "version": done.Version, "now": tx.At}); err != nil {
			return err
		}
	}
	was, err := settingOr(tx, store.SettingPoints, "changes")
	if err != nil || was == keeps {
		return err
	}
	done.PointsAnew = true
	return tx.SetSetting(store.SettingPoints, keeps)
}

// EndsAnew is the pass by which what has no last day of its own gets the one that the
// program in force gives it. Its day is the version that brought another one.
const EndsAnew = "points ends"

// endsAnew reports whether points or the stamps of a card end by another rule than before.
func endsAnew(old, next *program.Loyalty) bool {
	if old == nil || next == nil {
		return false
	}
	ends := func(l *program.Loyalty) map[string]loyalty.Expiry {
		of := map[string]loyalty.Expiry{}
		if l.Points != nil {
			of["points"] = l.Points.Expire
		}
		for _, c := range l.Cards {
			of[c.Name] = c.Expire
		}
		return of
	}
	was := ends(old)
	for wallet, is := range ends(next) {
		if before, known := was[wallet]; known && is != before {
			return true
		}
	}
	return false
}

// keepBudget notes what points and rewards may cost, for those who read no programs. Who
// claims while rewards may be stopped holds that row, so that it is written only where
// it changes.
func keepBudget(tx *store.Tx, next *program.Program) error {
	var budget loyalty.Budget
	if next.Loyalty != nil {
		budget = next.Loyalty.Budget
	}
	was, err := settingOr(tx, store.SettingBudget, "")
	if is := store.JSON(budget); err == nil && is != was {
		return tx.SetSetting(store.SettingBudget, is)
	}
	return err
}

func settingOr(tx *store.Tx, key, otherwise string) (string, error) {
	v, err := tx.Setting(key)
	if errors.Is(err, store.ErrNotFound) {
		return otherwise, nil
	}
	return v, err
}

// Package marketing is what a marketer can do: preview, launch, plan, apply, roll
// back, hold, release, pause, resume, cancel, resolve, suppress, set topics, redeem,
// claim rewards, set tiers, send a test. The command line, the API, jobs and the console call it:
// whatever must hold for one of these acts is kept here, in one transaction with it,
// and no caller needs to know of it.
//
// Its functions take values and return values. Whoever calls them asks the person,
// prints and picks the words of a flag. What is done needs no second call: an apply
// computes the days of orders anew when the shop's zone is another, a code that is
// redeemed is told to the campaigns that gave it, an answer of a member is told to
// the segments.
//
// What is done later is a job (jobs.Enqueue), whose handler calls the same functions.
// Which mails go out, and to whom, is left to campaign, consent and delivery.
//
// Each act leaves a row in the audit (staff), in its own transaction: who, what, when,
// before and after.
//
// It also tells people by mail what needs them (Alerts): the troubles that report
// finds, to the addresses under mail.alerts in program.yaml.
package marketing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Marketer does what people ask for, over one database.
type Marketer struct {
	DB     *store.DB
	Sender *delivery.Sender // nil: it shows and sends no mails, and resolves none
	By     string           // who asks, for the audit
}

// As returns the same for somebody: what they do is noted as theirs.
func (m Marketer) As(by string) Marketer {
	m.By = by
	return m
}

// note writes an act into the audit. by "" is whoever the marketer acts for.
func (m Marketer) note(tx *store.Tx, a staff.Act) error {
	a.By = cmp.Or(a.By, m.By)
	return staff.Note(tx, a)
}

// New returns a marketer that sends no mails.
func New(db *store.DB) Marketer { return Marketer{DB: db} }

// InForce returns the version that workers act on; before the first apply it is the
// zero Version.
func InForce(tx *store.Tx) (program.Version, error) {
	v, err := versions.Active(tx)
	if errors.Is(err, versions.ErrNoProgram) {
		return program.Version{}, nil
	}
	if err != nil {
		return program.Version{}, err
	}
	files, err := versions.Files(tx, v.ID)
	return program.Version{Program: v.Program, Files: files}, err
}

// Moment reads an instant with an offset, or a wall time of the shop's zone.
func Moment(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return loyalty.Wall(loyalty.DayOf(t, time.UTC), t.Hour(), t.Minute(), zone).Add(time.Duration(t.Second()) * time.Second), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time like 2027-06-21T09:00 or 2027-06-21T09:00:00+03:00", text)
}

// Currency is the program's, in which amounts are read; EUR before the first apply.
func Currency(tx *store.Tx) (string, error) {
	currency, err := tx.Setting(store.SettingCurrency)
	if errors.Is(err, store.ErrNotFound) {
		return "EUR", nil
	}
	return currency, err
}

// update runs f in a transaction and returns what it answered.
func update[T any](ctx context.Context, db *store.DB, f func(*store.Tx) (T, error)) (answer T, err error) {
	err = db.Update(ctx, func(tx *store.Tx) (err error) { answer, err = f(tx); return err })
	return answer, err
}

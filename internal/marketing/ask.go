package marketing

import (
	"context"
	"errors"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/segments"
)

// WrongRule is what is wrong with a rule that a person typed, with the place.
type WrongRule struct{ Words string }

func (w *WrongRule) Error() string { return w.Words }

// Asked is what a rule says of the members of today.
type Asked struct {
	Rule    string
	Words   string // what it means
	Members int64  // all that there are
	Kept    int64  // those for whom it holds
	Parts   []report.Kept
	Some    []report.Member  // a few of them
	Unheard []report.Unheard // names in it that nobody has
}

// Ask answers a rule, or the name of a segment, as of now, with so many of its members.
// It writes nothing that anybody could see, and gives up after the limit with
// store.ErrTooLong. A rule that cannot be read is a *WrongRule, one that cannot be
// answered yet a *segments.Unready.
func (m Marketer) Ask(ctx context.Context, text string, some int, limit time.Duration) (a Asked, err error) {
	q, err := m.reads(ctx, text)
	if err != nil {
		return a, err
	}
	a.Rule, a.Words = q.Rule.Text(), q.Rule.Words()
	unheard := m.Unheard(ctx, limit, q.Rule.Names())
	err = m.DB.Ask(ctx, limit, func(tx *store.Tx) error {
		funnel, err := q.Funnel(tx)
		if err != nil {
			return err
		}
		a.Members, a.Kept, a.Parts = funnel.Members, funnel.Kept, funnel.Parts
		a.Some, err = q.Some(tx, some)
		return err
	})
	missing, wrong := unheard()
	a.Unheard = missing
	return a, errors.Join(err, wrong)
}

// Count says what a rule means and how many members it keeps, as Ask does.
func (m Marketer) Count(ctx context.Context, text string, limit time.Duration) (words string, n int64, err error) {
	q, err := m.reads(ctx, text)
	if err != nil {
		return "", 0, err
	}
	err = m.DB.Ask(ctx, limit, func(tx *store.Tx) (err error) { n, err = q.Count(tx); return err })
	return q.Rule.Words(), n, err
}

// Estimate says between which numbers Count most likely lies, by a sample, as
// report.Audience does.
func (m Marketer) Estimate(ctx context.Context, text string, limit time.Duration) (low, high int64, ok bool, err error) {
	q, err := m.reads(ctx, text)
	if err != nil {
		return 0, 0, false, err
	}
	err = m.DB.Ask(ctx, limit, func(tx *store.Tx) (err error) { low, high, ok, err = q.Estimate(tx); return err })
	return low, high, ok, err
}

// reads reads a rule, and has what it takes of the forecast looked up.
func (m Marketer) reads(ctx context.Context, text string) (q report.Audience, err error) {
	err = m.DB.View(ctx, func(tx *store.Tx) error {
		v, err := InForce(tx)
		if err != nil {
			return err
		}
		scope := segments.Scope{}
		if v.Program != nil {
			scope = v.Program.Scope()
		}
		if q.Rule, err = segments.ParseNamed(strings.TrimSpace(text), scope); err != nil {
			return &WrongRule{segments.FormatError(text, err)}
		}
		zone, err := tx.Zone()
		q.Day = loyalty.DayOf(tx.At.Time, zone)
		return err
	})
	if err != nil || len(q.Rule.Horizons(q.Day)) == 0 {
		return q, err
	}
	err = m.DB.Update(ctx, q.Prepare)
	if unready := (*segments.Unready)(nil); errors.As(err, &unready) {
		return q, nil // asking says so
	}
	return q, err
}

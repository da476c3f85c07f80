package console

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
)

// codesView are the pools of codes, and one code that is looked up.
type codesView struct {
	frame
	Pools   []poolLine
	Counted bool
	Drops   []report.DropDay // the newest, each as it stands
	Newest  report.Drawing   // the newest of them, day by day
	Asked   string
	Code    *coupon.Code // nil: none was asked for, or there is none
	Verdict string
}

// poolLine is a pool as it stands.
type poolLine struct {
	coupon.Status
	Gives string
	Days  int64 // until it is empty; -1: it has no end that one can tell
}

// paceDays is over how many days it is counted how fast a pool empties.
const paceDays = 28

func (c *Console) codes(w http.ResponseWriter, r *http.Request, u visitor) error {
	view := codesView{Asked: strings.TrimSpace(r.PostFormValue("code"))}
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "codes", c.pages.words.Say("codes.title")); err != nil || view.Asked == "" {
			return err
		}
		return view.look(tx)
	})
	if err == nil {
		err = c.figures(r, view.pools)
	}
	if err == nil {
		err = c.quick(r, view.drops)
	}
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "codes", view)
}

// look looks one code up.
func (v *codesView) look(tx *store.Tx) error {
	found, err := coupon.Look(tx, v.Asked, 0, v.Today())
	var refused *coupon.Refused
	switch {
	case errors.As(err, &refused) && refused.Reason == coupon.Unknown:
		v.Verdict = v.words.Say("codes.unknown")
		return nil
	case errors.As(err, &refused):
		v.Verdict = v.words.Say("codes.not_good", strings.ReplaceAll(refused.Reason, "_", " "))
	case err != nil:
		return err
	default:
		v.Verdict = v.words.Say("codes.good")
	}
	v.Code = &found.Code
	return nil
}

// Ends reports whether the code that was looked up can be ended.
func (v codesView) Ends() bool {
	return v.Code != nil && (v.Code.State == coupon.StateFree || v.Code.State == coupon.StateReserved || v.Code.State == coupon.StateIssued)
}

// pools counts how the pools stand and how fast they empty.
func (v *codesView) pools(tx *store.Tx) error {
	list, err := coupon.Statuses(tx, v.Today())
	if err != nil {
		return err
	}
	given, err := coupon.Pace(tx, loyalty.At(tx.At.Add(-paceDays*24*time.Hour)))
	v.Pools = nil
	for _, s := range list {
		v.Pools = append(v.Pools, poolLine{s, s.Gives(v.currency), s.DaysLeft(given[s.Name], paceDays)})
	}
	v.Counted = err == nil
	return err
}

// drops counts what became of the newest drops.
func (v *codesView) drops(tx *store.Tx) error {
	ask, err := marketing.Asks(tx, v.Today(), false)
	if err != nil {
		return err
	}
	named, _ := report.ByName("drops")
	table, err := named.Make(tx, ask)
	if err != nil {
		return err
	}
	days := table.Value.([]report.DropDay)
	for i, d := range days {
		if i+1 == len(days) || days[i+1].Run != d.Run {
			v.Drops = append(v.Drops, d)
		}
	}
	if len(days) > 0 {
		v.Newest = named.Picture(ask, table)
	}
	return nil
}

// endCode ends a code, whoever has it.
func (c *Console) endCode(w http.ResponseWriter, r *http.Request, u visitor) error {
	code := strings.TrimSpace(r.PostFormValue("code"))
	err := c.DB.Update(r.Context(), func(tx *store.Tx) error {
		was, err := c.Marketer.As(u.by()).VoidCode(tx, code)
		var refused *coupon.Refused
		switch {
		case errors.As(err, &refused):
			return wrong(c.pages.words.Say("codes.unknown"))
		case err == nil && !was:
			return wrong(c.pages.words.Say("wrong.code"))
		}
		return err
	})
	if err != nil {
		return err
	}
	return back(w, r, "/console/codes", "voided")
}

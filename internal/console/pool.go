package console

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/importer"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/report"
	"regulars/internal/store"
)

// poolView is one pool: how it stands, how its stock went, who gives it.
type poolView struct {
	frame
	poolLine
	Known     []report.StockDay // the newest first: today as it stands, and how earlier days ended
	Course    report.Drawing    // how much was left day by day; "": it has no limit, or too few days are known
	Moved     report.Drawing    // what was given and used day by day
	Campaigns []string          // of the program in force, that give its codes
	Others    []string          // rewards, cards and friends that do
	Stocked   *coupon.Stocked   // what came of codes that were handed over; nil: none were
	Wrong     string
}

// Limits of the page.
const (
	stockDays    = 90
	shownRejects = 20
	mostCodes    = 4 << 20 // bytes of codes that are handed over at once
)

func (c *Console) pool(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.showPool(w, r, u, http.StatusOK, poolView{})
}

func (c *Console) showPool(w http.ResponseWriter, r *http.Request, u visitor, status int, view poolView) error {
	name := r.PathValue("pool")
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "codes", name); err != nil {
			return err
		}
		if view.Status, err = coupon.StatusOf(tx, name, view.Today()); err != nil {
			return err
		}
		now, err := marketing.InForce(tx)
		if err != nil {
			return err
		}
		view.Gives = view.Status.Gives(view.currency)
		view.Campaigns, view.Others = marketing.Giving(now.Program, name)
		view.Known, err = report.Stocks(tx, name, view.Today()-1, stockDays)
		return err
	})
	if err == nil {
		view.poolLine.Days = -1
		err = c.quick(r, view.pace)
	}
	if err != nil {
		return err
	}
	s := &view.Status
	today := report.StockDay{Pool: name, Day: view.Today(), Given: s.Given(), Used: s.Redeemed, Ended: s.Expired, Spent: s.Spent}
	if s.Left >= 0 {
		today.Left = &s.Left
	}
	view.Known = append([]report.StockDay{today}, view.Known...)
	days := slices.Clone(view.Known)
	slices.Reverse(days)
	view.Course, view.Moved = report.DrawStock(name, view.currency, s.Kind == coupon.Shared, days)
	return c.pages.show(w, status, "pool", view)
}

// pace counts for how long the stock lasts.
func (v *poolView) pace(tx *store.Tx) error {
	given, err := coupon.Pace(tx, loyalty.At(tx.At.Add(-paceDays*24*time.Hour)))
	v.poolLine.Days = v.Status.DaysLeft(given[v.Status.Name], paceDays)
	return err
}

// GoodFor is for how many days a code is good once it is given; 0: they have no such end.
func (v poolView) GoodFor() int64 { return int64(v.ValidFor) }

// End is the last day of the pool's codes; 0: each has its own, or none has one.
func (v poolView) End() loyalty.Day { return v.ValidUntil }

// Takes reports whether the shop's own codes come into the pool, Tells whether the shop
// has to be told of codes before they are given.
func (v poolView) Takes() bool { return v.Kind == coupon.Imported }
func (v poolView) Tells() bool { return v.Kind == coupon.Generated && v.Checkout == "file" }

// Rejects are some of the codes that could not be taken.
func (v poolView) Rejects() []coupon.Reject {
	return v.Stocked.Rejects[:min(len(v.Stocked.Rejects), shownRejects)]
}

// stockCodes adds the shop's own codes to a pool: lines of a field, and of a file.
func (c *Console) stockCodes(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view poolView
	lines, err := c.codeLines(r)
	if err == nil {
		var done coupon.Stocked
		ctx, cancel := lasting(r)
		defer cancel()
		done, err = c.Marketer.As(u.by()).StockCodes(ctx, r.PathValue("pool"), slices.Values(lines))
		view.Stocked = &done
	}
	if errors.Is(err, coupon.ErrKind) {
		err = wrong(err.Error())
	}
	var bad *refusal
	if errors.As(err, &bad) {
		view.Stocked, view.Wrong = nil, bad.words
		return c.showPool(w, r, u, bad.status, view)
	}
	if err != nil {
		return err
	}
	return c.showPool(w, r, u, http.StatusOK, view)
}

// codeLines reads the codes that somebody hands over.
func (c *Console) codeLines(r *http.Request) (lines []string, err error) {
	file, _, err := r.FormFile("file")
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, err
	case err == nil:
		defer file.Close()
	default:
		file = nil // the field alone
	}
	from := []io.Reader{strings.NewReader(r.FormValue("codes"))}
	if file != nil {
		text, err := importer.TextOf(file)
		if err != nil {
			return nil, wrong(c.pages.words.Say("codes.no_text", err.Error()))
		}
		from = append(from, strings.NewReader("\n"), text)
	}
	for in := bufio.NewScanner(io.MultiReader(from...)); ; {
		if !in.Scan() {
			if err := in.Err(); err != nil {
				return nil, wrong(c.pages.words.Say("codes.no_text", err.Error()))
			}
			if len(lines) == 0 {
				return nil, wrong(c.pages.words.Say("codes.none_given"))
			}
			return lines, nil
		}
		if line := strings.TrimSpace(in.Text()); line != "" {
			lines = append(lines, line)
		}
	}
}

// exportCodes hands out the codes of a pool for the shop, which knows them from then on.
func (c *Console) exportCodes(w http.ResponseWriter, r *http.Request, u visitor) error {
	name := r.PathValue("pool")
	ctx, cancel := lasting(r)
	defer cancel()
	codes, err := c.Marketer.As(u.by()).ExportCodes(ctx, name)
	if err != nil {
		return mistake(err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.txt"`)
	_, _ = io.WriteString(w, codes) // the browser has gone away: they can be had again
	return nil
}

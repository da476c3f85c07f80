package main

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/points"
	"regulars/internal/program"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/tiers"
	"regulars/internal/versions"
)

func (a *app) doctorCommand() *cobra.Command {
	since, limit := span(24*time.Hour), span(30*time.Second)
	var restored string
	var deep bool
	c := newCommand("doctor", "Ask whether everything in the database is consistent; read-only; exit 1 with findings",
		func(c *cobra.Command, _ []string) error {
			if restored != "" {
				return a.afterRestore(c, restored)
			}
			a.sayRecords()
			return a.opened(c.Context(), false, func(db *store.DB) error {
				d, err := a.doctor(c.Context(), db, time.Duration(since), deep)
				if err != nil {
					return err
				}
				if d.Limit = time.Duration(limit); deep && !c.Flags().Changed("limit") {
					d.Limit = deepLimit
				}
				signed, err := a.signature(c.Context(), db)
				if err != nil {
					return err
				}
				return a.sayChecks(slices.Concat(report.Amiss(c.Context(), db), signed, d.Examine(c.Context(), db)))
			})
		})
	c.Flags().Var(&since, "since", "look at what was handed over in this time")
	c.Flags().Var(&limit, "limit", "time for each check")
	c.Flags().BoolVar(&deep, "deep", false, "reckon the points of all orders anew, and not of a sample; up to an hour for each check")
	c.Flags().StringVar(&restored, "after-restore", "", "hold everything and say what is due since this moment, that of the copy; without an offset it is the shop's wall time")
	return c
}

// sayRecords says which records have to be published for mails that are signed.
func (a *app) sayRecords() {
	if a.config.dkim == nil {
		return
	}
	fmt.Fprintf(a.err, "DKIM: mails are signed for %s; publish as TXT:\n", a.config.dkimDomain)
	for _, r := range a.config.dkim.Records() {
		fmt.Fprintf(a.err, "  %s\n    %s\n", r.Name, r.Value)
	}
}

// signature asks whether receivers count our signature for mails of the program in
// force. Where the relay signs it asks nothing.
func (a *app) signature(ctx context.Context, db *store.DB) (checks []report.Check, err error) {
	if a.config.dkim == nil {
		return nil, nil
	}
	err = db.View(ctx, func(tx *store.Tx) error {
		now, err := marketing.InForce(tx)
		if err != nil || now.Program == nil {
			return err
		}
		c := report.Check{Name: "mails are signed for the domain that they come from", Findings: []report.Finding{},
			Do: "set DKIM_DOMAIN to the domain of the address, or from: of program.yaml to an address of DKIM_DOMAIN"}
		from, err := mail.ParseAddress(now.Program.Mail.From)
		if err != nil {
			return err
		}
		if _, domain, _ := strings.Cut(from.Address, "@"); !a.config.dkim.Aligned(domain) {
			c.Findings = append(c.Findings, report.Finding{Place: "program.yaml, mail.from",
				What: fmt.Sprintf("mails come from %s and are signed for %s: DMARC does not count that signature", from.Address, a.config.dkimDomain)})
		}
		checks = append(checks, c)
		return nil
	})
	return checks, err
}

// deepLimit is the time for each check of those who ask for all orders.
const deepLimit = time.Hour

// doctor knows the program in force.
func (a *app) doctor(ctx context.Context, db *store.DB, since time.Duration, deep bool) (d report.Doctor, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		d.Since = loyalty.At(tx.At.Add(-since))
		if d.Today, err = tx.Today(); err != nil {
			return err
		}
		now, err := marketing.InForce(tx)
		if err != nil || now.Program == nil {
			return err
		}
		d.Caps = now.Program.Caps
		if now.Program.Loyalty != nil {
			d.Tiers = doubtfulTiers
		}
		if l := now.Program.Loyalty; l != nil && (l.Points != nil || len(l.Cards) > 0) {
			d.Points, d.Cards = doubtfulPoints(deep), ungiven
			if l.Points != nil {
				d.PointWorth = l.Points.Worth
			}
		}
		d.Quiet, err = quietBroken(tx, now.Program)
		return err
	})
	return d, err
}

func doubtfulTiers(tx *store.Tx) (found []report.Finding, err error) {
	doubts, err := tiers.Doubts(tx)
	for _, d := range doubts {
		found = append(found, report.Finding{Place: fmt.Sprint("member ", d.Member), What: d.Why})
	}
	return found, err
}

// doubtfulPoints asks for the points and stamps of all orders, or of a sample.
func doubtfulPoints(all bool) func(*store.Tx) ([]report.Finding, error) {
	return func(tx *store.Tx) (found []report.Finding, err error) {
		rules, err := pointsInForce(tx)
		if err != nil {
			return nil, err
		}
		doubts, err := rules.Doubts(tx, all)
		for _, d := range doubts {
			place := fmt.Sprintf("order %d of member %d", d.Order, d.Member)
			if d.Order == 0 {
				place = fmt.Sprint("member ", d.Member)
			}
			found = append(found, report.Finding{Place: place, What: d.Words()})
		}
		return found, err
	}
}

// ungiven asks for full cards that gave nothing.
func ungiven(tx *store.Tx) (found []report.Finding, err error) {
	rules, err := pointsInForce(tx)
	if err != nil {
		return nil, err
	}
	cards, err := rules.Ungiven(tx)
	for _, c := range cards {
		found = append(found, report.Finding{Place: fmt.Sprintf("card %s of member %d", c.Card, c.Member), What: fmt.Sprintf("has %d stamps of %d, and gave no code", c.Stamps, c.Of)})
	}
	return found, err
}

func pointsInForce(tx *store.Tx) (*points.Rules, error) {
	v, err := versions.Active(tx)
	if err != nil {
		return nil, err
	}
	return points.Read(tx, v)
}

// quietBroken returns a function that says whether a hand-over fell into quiet
// hours, by the rules of the gate itself.
func quietBroken(tx *store.Tx, p *program.Program) (func(int64, string, string, loyalty.Instant, loyalty.Instant) bool, error) {
	var rows []struct {
		ID   int64
		Name string
	}
	if err := tx.All(&rows, "select id, name from campaigns", nil); err != nil {
		return nil, err
	}
	zones := consent.NewZones(p.Zone)
	quiet := map[int64]loyalty.QuietHours{}
	for _, row := range rows {
		quiet[row.ID] = p.Quiet
		if c := p.Campaign(row.Name); c != nil && c.Quiet != nil {
			quiet[row.ID] = *c.Quiet
		}
	}
	return func(campaign int64, class, zone string, ownAct, handed loyalty.Instant) bool {
		if class == loyalty.Earned && !ownAct.IsZero() && handed.Sub(ownAct.Time) <= 15*time.Minute {
			return false
		}
		local := handed.In(zones.Of(zone))
		return quiet[campaign].Next(local).After(local)
	}, nil
}

func (a *app) sayChecks(checks []report.Check) error {
	findings := 0
	for _, c := range checks {
		findings += len(c.Findings)
		if c.Error != "" {
			findings++
		}
	}
	if a.json {
		if err := a.printJSON(map[string]any{"checks": checks, "findings": findings}); err != nil {
			return err
		}
	} else {
		for _, c := range checks {
			if len(c.Findings) == 0 && c.Error == "" {
				fmt.Fprintf(a.out, "✓ %s\n", c.Name)
				continue
			}
			fmt.Fprintf(a.out, "✗ %s\n", c.Name)
			if c.Error != "" {
				fmt.Fprintf(a.out, "    could not be asked: %s\n", c.Error)
			}
			for _, f := range c.Findings {
				fmt.Fprintf(a.out, "    %s: %s\n", f.Place, f.What)
			}
			fmt.Fprintf(a.out, "    do: %s\n", c.Do)
		}
		fmt.Fprintf(a.out, "%s, %s\n", plural(int64(len(checks)), "check", "checks"), plural(int64(findings), "finding", "findings"))
	}
	if findings > 0 {
		return quiet(failed)
	}
	return nil
}

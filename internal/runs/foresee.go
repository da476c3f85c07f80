package runs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/isolation"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/rules"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
)

// Draw is what a live campaign of a program would take from a pool of codes if it
// started now.
type Draw struct {
	Campaign string `json:"campaign"`
	Pool     string `json:"pool"`
	Gives    string `json:"gives"`             // what a code is good for, in words
	Members  int64  `json:"members"`           // who would be mailed at once, a code each; -1: they come one by one
	Left     int64  `json:"left"`              // codes that the pool can give; -1: as many as needed
	Cost     int64  `json:"cost,omitempty"`    // of one code, minor units; 0: it depends on the order
	Budget   int64  `json:"budget,omitempty"`  // of the pool, minor units; 0: no limit
	Unknown  string `json:"unknown,omitempty"` // why nobody can say how many

	currency string
}

// Short reports whether there are too few codes for everybody at once: a drop does
// not start so.
func (d Draw) Short() bool { return d.Members > 0 && d.Left >= 0 && d.Left < d.Members }

// String tells of it in one line.
func (d Draw) String() string {
	money := func(minor int64) string { return loyalty.FormatMoney(minor, d.currency) + " " + d.currency }
	var parts []string
	switch {
	case d.Unknown != "":
		parts = append(parts, d.Unknown)
	case d.Members < 0:
		parts = append(parts, fmt.Sprintf("each member who comes to it gets a code of pool %s (%s)", d.Pool, d.Gives))
	default:
		parts = append(parts, fmt.Sprintf("%d members as of now, a code of pool %s (%s) each", d.Members, d.Pool, d.Gives))
	}
	switch {
	case d.Left < 0:
		parts = append(parts, "as many codes as needed are made")
	case d.Short():
		parts = append(parts, fmt.Sprintf("only %d codes can be given, %d too few, so it would not start", d.Left, d.Members-d.Left))
	case d.Left == 0:
		parts = append(parts, "the pool has no code to give")
	default:
		parts = append(parts, fmt.Sprintf("%d codes can be given", d.Left))
	}
	switch {
	case d.Cost > 0 && d.Members > 0:
		parts = append(parts, fmt.Sprintf("they cost %s at most, if all are used", money(d.Cost*d.Members)))
	case d.Cost > 0:
		parts = append(parts, fmt.Sprintf("a code costs %s", money(d.Cost)))
	default:
		parts = append(parts, "what they cost depends on the orders")
	}
	if d.Budget > 0 {
		parts = append(parts, "the pool's budget is "+money(d.Budget))
	}
	return d.Campaign + ": " + strings.Join(parts, "; ")
}

// Draws says what each live campaign of a program, which has been checked, takes
// from its pools. With scarce only those are counted whose pool has an end.
func Draws(tx *store.Tx, next *program.Program, scarce bool) (draws []Draw, err error) {
	now, err := versions.Active(tx)
	if err != nil && !errors.Is(err, versions.ErrNoProgram) {
		return nil, err
	}
	v := &versions.Version{Program: next, Zones: consent.NewZones(next.Zone)}
	day := v.Day(tx.At)
	statuses, err := coupon.Statuses(tx, day)
	if err != nil {
		return nil, err
	}
	for _, c := range next.Campaigns {
		if !c.Live || c.Start.Kind == "at" && !c.Start.Clock.On(c.Start.Date, next.Zone).After(tx.At.Time) {
			continue
		}
		for _, name := range pools(c) {
			i := slices.IndexFunc(next.Pools, func(p program.Pool) bool { return p.Name == name })
			if i < 0 {
				continue
			}
			pool := next.Pools[i]
			d := Draw{Campaign: c.Name, Pool: name, Gives: pool.Gives(next.Currency), Members: -1, Left: leftIn(pool, statuses), Cost: pool.Cost(), Budget: pool.Budget, currency: next.Currency}
			if ForMany(c.Start.Kind) && c.Steps[0].Coupon == name && (!scarce || d.Left >= 0) {
				if d.Members, d.Unknown, err = audienceNow(tx, v, now, c); err != nil {
					return nil, err
				}
			}
			draws = append(draws, d)
		}
	}
	return draws, nil
}

// pools are those whose codes a campaign gives, each once.
func pools(c *program.Campaign) (names []string) {
	for _, step := range c.Steps {
		for _, s := range append([]program.Step{step}, step.Choose...) {
			if s.Coupon != "" && !slices.Contains(names, s.Coupon) {
				names = append(names, s.Coupon)
			}
		}
	}
	return names
}

// leftIn is how many codes a pool can give once it is as the program says; -1: any number.
func leftIn(p program.Pool, statuses []coupon.Status) int64 {
	var s coupon.Status
	for _, have := range statuses {
		if have.Name == p.Name {
			s = have
		}
	}
	n := s.Free
	if p.Kind == coupon.Shared || p.Kind == coupon.Generated && p.Checkout != "file" {
		n = 1 << 40
	}
	open := s.Reserved + s.Issued + s.Redeemed
	if p.Stock > 0 {
		n = min(n, p.Stock-open-s.Expired)
	}
	if p.Budget > 0 && p.Cost() > 0 {
		n = min(n, p.Budget/p.Cost()-open)
	}
	if n >= 1<<40 {
		return -1
	}
	return max(0, n)
}

// audienceNow counts who a campaign for many would mail if it started now.
func audienceNow(tx *store.Tx, v, now *versions.Version, c *program.Campaign) (n int64, unknown string, err error) {
	for _, rule := range []*segments.Rule{c.For, c.Except, c.Steps[0].If} {
		if rule != nil && slices.ContainsFunc(rule.Reads(), func(field string) bool { return strings.HasPrefix(field, "launch.") }) {
			return 0, "whom it is for depends on what it is launched with", nil
		}
	}
	whole := *c
	whole.Start.ByMember = false // all zones
	own := &versions.Campaign{Campaign: &whole}
	if now != nil {
		for _, name := range []string{c.Name, c.Was} {
			if was, err := now.Campaign(name); err == nil {
				own.ID = was.ID
				break
			}
		}
	}
	t := isolation.Turn{Tx: tx, V: v, ID: own.ID, C: own}
	q := rules.Ask(tx, v.Day(tx.At), store.Args{"campaign": own.ID, "day": int64(v.Day(tx.At))})
	err = q.One(&n, "select count(*) from ("+start{}.audience(t, q, c.Steps[0])+") a where a.reason = ''")
	if rules.Unready(err) {
		return 0, "nobody can say yet how many: " + err.Error(), nil
	}
	return n, "", err
}

// Never says what of the program in force can never happen: what check says of its
// live campaigns, and drops that would not start for want of codes. Of one
// campaign, or of all when campaign is "".
func Never(tx *store.Tx, campaign string) (words []string, err error) {
	v, err := versions.Active(tx)
	if err != nil {
		return nil, versions.IgnoreNoProgram(err)
	}
	files, err := versions.Files(tx, v.ID)
	if err != nil {
		return nil, err
	}
	_, _, problems := program.Check(files, tx.At.Time)
	for _, p := range program.Fold(problems, program.ShowsEach) {
		below, inside := strings.CutPrefix(p.File, program.CampaignsRoot)
		name, _, _ := strings.Cut(below, "/")
		c := v.Program.Campaign(name)
		if p.Never && (!inside && campaign == "" || inside && c != nil && c.Live && (campaign == "" || campaign == name)) {
			words = append(words, p.String())
		}
	}
	if campaign != "" { // a launch counts for itself
		return words, nil
	}
	draws, err := Draws(tx, v.Program, true)
	for _, d := range draws {
		if d.Short() {
			words = append(words, d.String())
		}
	}
	return words, err
}

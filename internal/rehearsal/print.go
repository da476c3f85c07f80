package rehearsal

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// Print tells the outcome to a marketer.
func (o Outcome) Print(w io.Writer) {
	if o.Played > 0 {
		fmt.Fprintf(w, "note: %d of %d members were played, and what came of it is multiplied for all\n", o.Played, o.Members)
	}
	if o.Through != "" {
		fmt.Fprintf(w, "note: time was over after %s: later days were not played\n", o.Through)
	}
	if o.Unplayed > 0 {
		fmt.Fprintf(w, "note: %d events of the past could not be played, the first of them %s\n", o.Unplayed, o.Because)
	}
	for _, note := range o.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	if words := o.eachGot(); words != "" {
		fmt.Fprintf(w, "members: %s\n", words)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Pools)) {
		fmt.Fprintf(w, "codes of %s: %s\n", name, o.Pools[name].words(o.Currency))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Wallets)) {
		has, of := o.Wallets[name], "points"
		if name != of {
			of = "stamps of " + name
		}
		fmt.Fprintf(w, "%s: %d earned, %d spent on %d rewards, %d ended, %d left with %d members\n", of, has.Earned, has.Spent, has.Rewards, has.Ended, has.Left, has.Members)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Tiers)) {
		fmt.Fprintf(w, "tier %s: %d members on the last evening\n", name, o.Tiers[name])
	}
	for _, name := range slices.Sorted(maps.Keys(o.Campaigns)) {
		c := o.Campaigns[name]
		if c.NotTried != "" {
			fmt.Fprintf(w, "%s: not tried: %s\n", name, c.NotTried)
			continue
		}
		fmt.Fprintf(w, "%s: %d mails, %d codes\n", name, c.Mails, c.Codes)
		for _, note := range c.Notes {
			fmt.Fprintf(w, "  note: %s\n", note)
		}
		for _, line := range []struct {
			head   string
			counts map[string]int64
		}{{"by month", c.ByMonth}, {"by mail", c.ByMail}, {"left out", c.Skipped}} {
			var parts []string
			for _, key := range slices.Sorted(maps.Keys(line.counts)) {
				parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(key, "_", " "), line.counts[key]))
			}
			if parts != nil {
				fmt.Fprintf(w, "  %-9s %s\n", line.head, strings.Join(parts, ", "))
			}
		}
	}
	if o.Against != nil {
		o.printDifferences(w)
	}
}

func (o Outcome) printDifferences(w io.Writer) {
	found := o.Differences()
	if found == nil {
		fmt.Fprintln(w, "against the other program: each campaign sends as many mails and gives as many codes")
	}
	for _, d := range found {
		fmt.Fprintf(w, "against the other program: %s: %d mails, not %d; %d codes, not %d\n", d.Campaign, d.Mails, d.MailsBefore, d.Codes, d.CodesBefore)
	}
}

// eachGot is how many members got how many mails, in words.
func (o Outcome) eachGot() string {
	var parts []string
	for _, g := range o.Got {
		what := "mails"
		if g.Mails == 1 {
			what = "mail"
		}
		parts = append(parts, fmt.Sprintf("%d with %d %s", g.Members, g.Mails, what))
	}
	if none := o.WithNone(); none > 0 {
		parts = append(parts, fmt.Sprintf("%d with none", none))
	}
	return strings.Join(parts, ", ")
}

// words are how many codes of a pool were given and what they cost at most.
func (p Pool) words(currency string) string {
	text := fmt.Sprintf("%d given", p.Codes)
	if p.Gives != "" {
		text += ", each good for " + p.Gives
	}
	switch {
	case p.Cost == 0:
		text += "; what they cost depends on the orders"
	case p.Budget > 0:
		text += fmt.Sprintf("; they cost %s %s at most, of a budget of %s", loyalty.FormatMoney(p.Cost, currency), currency, loyalty.FormatMoney(p.Budget, currency))
	default:
		text += fmt.Sprintf("; they cost %s %s at most", loyalty.FormatMoney(p.Cost, currency), currency)
	}
	return text
}

// Difference is what a campaign would have done by a program and by the one that it is
// held against.
type Difference struct {
	Campaign           string
	Mails, MailsBefore int64
	Codes, CodesBefore int64
}

// Differences are the campaigns of which the two programs would have sent other than as
// much, by name.
func (o Outcome) Differences() (found []Difference) {
	names := map[string]bool{}
	for _, campaigns := range []map[string]*Campaign{o.Campaigns, o.Against.Campaigns} {
		for name := range campaigns {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d := Difference{Campaign: name}
		if c := o.Campaigns[name]; c != nil {
			d.Mails, d.Codes = c.Mails, c.Codes
		}
		if c := o.Against.Campaigns[name]; c != nil {
			d.MailsBefore, d.CodesBefore = c.Mails, c.Codes
		}
		if d.Mails != d.MailsBefore || d.Codes != d.CodesBefore {
			found = append(found, d)
		}
	}
	return found
}

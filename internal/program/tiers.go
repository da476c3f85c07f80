package program

import (
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// readTiers reads the tiers and checks that each can be held.
func readTiers(r *loader, n *node, l *Loyalty) {
	l.Tiers = named(tierKeys(), "write silver: {when: spent(\"12m\") >= 250.00, keep: 12m}",
		func(name string) Tier { return Tier{Name: name} }, checkTier)(r, n)
	for i, low := range l.Tiers {
		for _, high := range l.Tiers[i+1:] {
			if low.When != nil && high.When != nil && !segments.Never(low.When, nil) && segments.Never(low.When, high.When) {
				at := (section{r, n}).key(low.Name)
				r.errorAt(at, fmt.Sprintf("nobody can ever hold %s: who does qualifies for %s, which is higher", low.Name, high.Name), "write the tiers from the lowest to the highest")
				break
			}
		}
	}
}

func checkTier(r *loader, s section, t *Tier) {
	if at := s.key("grace"); at != nil && !s.has("keep") {
		r.errorAt(at, "grace begins when keep ends, and nothing says how long the tier is kept", "write keep: 12m, or leave grace out")
	}
	at := s.get("when")
	switch {
	case t.When == nil || at == nil:
	case segments.Never(t.When, nil):
		r.errorAt(at, fmt.Sprintf("nobody can ever hold %s", t.Name), "write a rule that a member can meet")
	case len(t.When.Goals()) == 0:
		r.warnAt(at, fmt.Sprintf("what a member lacks for %s cannot be told, since no part of the rule is a figure that rises to a number", t.Name), `members see it with a rule like spent("12m") >= 250.00`)
	}
}

// tierRule is the rule of a tier.
func tierRule(r *loader, n *node, t *Tier) {
	before := len(r.problems)
	rule := r.rule(n, r.scope(), segments.Parse)
	if rule == nil {
		return
	}
	if segments.Never(rule, nil) {
		r.problems = r.problems[:before] // checkTier says it of the tier
	}
	for _, field := range rule.Reads() {
		switch {
		case field == "tier" || field == "days_in_tier" || field == "days_until_tier_ends" || field == "tier_progress" || field == "missing_for_tier":
			r.errorAt(n, fmt.Sprintf("the rule of a tier reads %s, which goes round in a circle", field), "say what members do for it, like orders or spent")
			return
		case field == "points":
			r.warnAt(n, "the rule reads the balance of points: who claims a reward loses what counts for the tier", `points_earned("12m") counts what was earned, spent or not`)
		}
	}
	t.When = rule
}

// readKeep reads how long a tier is kept: a length, or year.
func readKeep(r *loader, n *node, t *Tier) {
	if n.form == scalar && n.text == "year" {
		t.KeepYear = true
		return
	}
	if p, ok := period().read(r, n); ok {
		t.Keep = p
	}
}

func keepText(t *Tier, _ string) string {
	if t.KeepYear {
		return "through the next calendar year"
	}
	return periodText(t.Keep)
}

// times is 1.25x, in percent.
func times() kind[int64] {
	return of(func(s string) (int64, error) {
		number, marked := strings.CutSuffix(s, "x")
		v, exact, err := loyalty.ParseExact(strings.TrimSpace(number), 2)
		switch {
		case err != nil:
			return 0, wrong{fmt.Sprintf("%q is not how many times what others earn", s), "write it like 1.25x"}
		case !marked:
			return 0, wrong{fmt.Sprintf("%q may be points or times", s), fmt.Sprintf("write %sx for so many times what others earn", number)}
		case !exact:
			return 0, wrong{fmt.Sprintf("%q is finer than we count", s), "at most two decimals, like 1.25x"}
		case v <= 0 || v > 10000:
			return 0, wrong{fmt.Sprintf("%q is out of bounds", s), "0.01x to 100x will do"}
		}
		return v, nil
	}, timesText)
}

func timesText(percent int64) string {
	if percent == 0 {
		return ""
	}
	text := loyalty.FormatDecimal(percent, 2)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + "x"
}

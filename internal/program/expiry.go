package program

import (
	"fmt"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
)

// parsePeriod reads 12m, 90d, 8w or 1y.
func parsePeriod(s string) (loyalty.Period, error) {
	const forms = "like 90d, 8w, 12m or 1y"
	cut := max(0, len(s)-1)
	n, err := strconv.Atoi(s[:cut])
	longest := map[string]int{"d": 36500, "w": 5200, "m": 1200, "y": 100}[s[cut:]]
	switch {
	case err != nil || longest == 0 || s[0] == '+' || s[0] == '-':
		hint := "write a length of time " + forms
		if meant := periodMeant(s); meant != "" {
			hint = "write " + meant
		}
		return loyalty.Period{}, wrong{fmt.Sprintf("%q is not a length of time %s", s, forms), hint}
	case n == 0:
		return loyalty.Period{}, wrong{fmt.Sprintf("%q is no time at all", s), "write a length of time " + forms}
	case n > longest:
		return loyalty.Period{}, wrong{fmt.Sprintf("%q is longer than a century", s), "write a length of time " + forms}
	}
	switch s[cut] {
	case 'd':
		return loyalty.Period{Days: n}, nil
	case 'w':
		return loyalty.Period{Days: 7 * n}, nil
	case 'm':
		return loyalty.Period{Months: n}, nil
	}
	return loyalty.Period{Months: 12 * n}, nil
}

// periodMeant is the length of time that words mean: a month, 12 months, year.
func periodMeant(s string) string {
	n, word, two := strings.Cut(strings.TrimSpace(s), " ")
	if !two {
		n, word = "1", n
	}
	if n == "a" || n == "one" {
		n = "1"
	}
	unit := map[string]string{"day": "d", "week": "w", "month": "m", "year": "y"}[strings.TrimSuffix(strings.ToLower(word), "s")]
	if _, err := strconv.Atoi(n); err != nil || unit == "" {
		return ""
	}
	return n + unit
}

func periodText(p loyalty.Period) string {
	switch {
	case p.Months > 0:
		return strconv.Itoa(p.Months) + "m"
	case p.Days > 0:
		return strconv.Itoa(p.Days) + "d"
	}
	return ""
}

func period() kind[loyalty.Period] { return of(parsePeriod, periodText) }

// expiryForms is what may stand after expire.
const expiryForms = "never, {after: 12m}, {unused: 12m} or {each: 12-31}"

// expiry is when points or stamps that nobody spends end.
func expiry() kind[loyalty.Expiry] {
	return kind[loyalty.Expiry]{
		read: func(r *loader, n *node) (e loyalty.Expiry, ok bool) {
			switch {
			case n.form == scalar && n.text == "never":
				return e, true
			case n.form != mapping:
				hint := "write " + expiryForms
				if p, err := parsePeriod(n.text); err == nil {
					hint = fmt.Sprintf("write {after: %[1]s} for %[1]s after they open, or {unused: %[1]s} for %[1]s without earning or claiming", periodText(p))
				}
				r.errorAt(n, fmt.Sprintf("%s does not say when they end", map[bool]string{true: strconv.Quote(n.text), false: n.form.String()}[n.form == scalar]), hint)
				return e, false
			}
			before := len(r.problems)
			s := expireKeys().fill(r, n, &e)
			first := ""
			for _, name := range []string{"after", "unused", "each"} {
				switch at := s.key(name); {
				case at == nil:
				case first != "":
					r.errorAt(at, fmt.Sprintf("they end in one way, and %s says one already", first), "keep one of the two")
				default:
					first = name
				}
			}
			for _, goes := range [][2]string{{"round", "after"}, {"grace", "each"}} {
				if at := s.key(goes[0]); at != nil && first != "" && first != goes[1] {
					r.errorAt(at, fmt.Sprintf("%s goes with %s, not with %s", goes[0], goes[1], first), "leave it out")
				}
			}
			if first == "" && len(r.problems) == before {
				r.errorAt(n, "nothing says when they end", "write "+expiryForms)
			}
			return e, len(r.problems) == before
		},
		show: func(e loyalty.Expiry, _ string) string { return expiryText(e) },
	}
}

func expiryText(e loyalty.Expiry) string {
	switch none := (loyalty.Period{}); {
	case e.After != none && e.Round != "":
		return fmt.Sprintf("%s after they open, to the end of the %s", periodText(e.After), e.Round)
	case e.After != none:
		return periodText(e.After) + " after they open"
	case e.Unused != none:
		return periodText(e.Unused) + " after the member last earned or claimed"
	case e.Month != 0 && e.Grace != none:
		return fmt.Sprintf("each year after %02d-%02d, what opened in the %s before a year later", e.Month, e.Date, periodText(e.Grace))
	case e.Month != 0:
		return fmt.Sprintf("each year after %02d-%02d", e.Month, e.Date)
	}
	return "never"
}

// yearlyDay is 12-31, a day that each year has.
func yearlyDay(s string) (loyalty.Birthday, error) {
	b, err := loyalty.ParseBirthday("--" + s)
	switch {
	case err != nil:
		return b, wrong{fmt.Sprintf("%q is not a day of each year", s), "write month and day, like 12-31"}
	case s == "02-29":
		return b, wrong{"not every year has a 02-29", "write 02-28"}
	}
	return b, nil
}

package phone

import (
	_ "embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// planList has a country in each line, with tabs between: its letters, 001 for what
// is everywhere; its calling code; a pattern of what is dialled to call abroad; one of
// what is dialled before a number within the country, and what takes its place, if
// anything does; how many digits a number has, and how many within its area; and a
// pattern of its numbers. Where countries share a code, the first one's lengths are
// for all. It is made of Google's libphonenumber by TestPlans with -update.
//
//go:embed plans.txt
var planList string

// plan is how a country dials.
type plan struct {
	code                  string
	prefixBecomes         string
	lengths, withinArea   []int
	abroad, prefix, whole string
	patterns              func() patterns // compiled when a number is read there
}

type patterns struct{ abroad, prefix, national *regexp.Regexp }

type allPlans struct {
	of     map[string]*plan // by the country's letters
	byCode map[string]*plan
}

var plans = sync.OnceValue(func() allPlans {
	all := allPlans{map[string]*plan{}, map[string]*plan{}}
	for line := range strings.Lines(planList) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		p := &plan{code: f[1], abroad: f[2], prefix: f[3], prefixBecomes: f[4], lengths: numbers(f[5]), withinArea: numbers(f[6]), whole: f[7]}
		p.patterns = sync.OnceValue(func() patterns {
			return patterns{regexp.MustCompile("^(?:" + p.abroad + ")"), regexp.MustCompile("^(?:" + p.prefix + ")"), regexp.MustCompile("^(?:" + p.whole + ")$")}
		})
		if f[0] != "001" {
			all.of[f[0]] = p
		}
		if all.byCode[p.code] == nil {
			all.byCode[p.code] = p
		}
	}
	return all
})

func numbers(list string) (all []int) {
	for _, text := range strings.Fields(list) {
		n, err := strconv.Atoi(text)
		if err != nil {
			panic(err) // ours, and tested
		}
		all = append(all, n)
	}
	return all
}

func (p *plan) fits(number string) bool           { return slices.Contains(p.lengths, len(number)) }
func (p *plan) fitsWithinArea(number string) bool { return slices.Contains(p.withinArea, len(number)) }
func (p *plan) tooLong(number string) bool {
	return !p.fitsWithinArea(number) && len(number) > p.lengths[len(p.lengths)-1]
}

// withoutAbroad takes off what is dialled to call abroad. No calling code begins
// with a zero.
func (p *plan) withoutAbroad(digits string) (rest string, was bool) {
	if p.abroad == "" {
		return digits, false
	}
	rest = digits[len(p.patterns().abroad.FindString(digits)):]
	if len(rest) == len(digits) || strings.HasPrefix(rest, "0") {
		return digits, false
	}
	return rest, true
}

// withoutPrefix takes off what is dialled before a number within the country, unless
// the number is one only with it.
func (p *plan) withoutPrefix(number string) string {
	if p.prefix == "" {
		return number
	}
	at := p.patterns().prefix.FindStringSubmatchIndex(number)
	if at == nil {
		return number
	}
	rest := number[at[1]:]
	if p.prefixBecomes != "" && at[len(at)-2] >= 0 {
		rest = p.patterns().prefix.ReplaceAllString(number, p.prefixBecomes)
	}
	national := p.patterns().national
	if national.MatchString(number) && !national.MatchString(rest) {
		return number
	}
	return rest
}

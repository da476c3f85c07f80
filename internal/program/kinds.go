package program

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// kind is the type of a key's value.
type kind[V any] struct {
	read func(r *loader, n *node) (V, bool) // false, and reported, when it is none
	show func(v V, currency string) string  // "" for the zero value, unless that says something
}

// of is a kind that is parsed from a single value.
func of[V any](parse func(string) (V, error), show func(V) string) kind[V] {
	return kind[V]{
		read: func(r *loader, n *node) (V, bool) { return parsed(r, n, parse) },
		show: func(v V, _ string) string { return show(v) },
	}
}

// saying is a kind whose values write themselves.
func saying[V fmt.Stringer](parse func(string) (V, error)) kind[V] { return of(parse, V.String) }

// number is a kind of whole numbers, of which 0 is none.
func number[V int | int64](unit string, parse func(string) (V, error)) kind[V] {
	return of(parse, func(v V) string {
		if v == 0 {
			return ""
		}
		return strconv.FormatInt(int64(v), 10) + unit
	})
}

func same(s string) string { return s }

// wrong is what is wrong with a value, and what would be right.
type wrong struct{ message, hint string }

func (w wrong) Error() string { return w.message }

// parsed reads a single value and reports what the parser says against it, without
// the column of a rule's error: ours is the file's.
func parsed[V any](r *loader, n *node, parse func(string) (V, error)) (value V, ok bool) {
	text, ok := r.text(n)
	if !ok {
		return value, false
	}
	value, err := parse(text)
	var ours wrong
	var rules *segments.Error
	switch {
	case err == nil:
		return value, true
	case errors.As(err, &rules):
		r.errorAt(n, rules.Message, "")
	case errors.As(err, &ours):
		r.errorAt(n, ours.message, ours.hint)
	default:
		r.errorAt(n, err.Error(), "")
	}
	var none V
	return none, false
}

// text returns a single value as it stands in the file; false, and reported,
// when there is a list or a group. A nil node is no text and no mistake.
func (r *loader) text(n *node) (string, bool) {
	switch {
	case n == nil:
		return "", false
	case n.form != scalar:
		r.errorAt(n, fmt.Sprintf("a single value belongs here, not %s", n.form), "")
		return "", false
	}
	if comment, line, col := n.comment(); len(comment) > 1 && comment[1] != ' ' && comment[1] != '#' {
		r.warnAt(&node{src: n.src, line: line, col: col}, fmt.Sprintf("YAML takes %q for a comment and ends the value before it", comment),
			"put the value in quotes, or a blank after the # of a comment")
	}
	return strings.TrimSpace(n.text), true
}

// words is text that must not be empty, nor several lines.
func (r *loader) words(n *node) string {
	text, ok := r.text(n)
	switch {
	case ok && text == "":
		r.errorAt(n, "nothing stands between the quotes", "write something, or delete the line")
	case strings.ContainsAny(text, "\n\r"):
		r.errorAt(n, "the value runs over several lines", "write it on one")
	default:
		return text
	}
	return ""
}

// each returns the values of a list; a single value is a list of one.
func (r *loader) each(n *node) []*node {
	switch {
	case n == nil:
		return nil
	case n.form != list:
		return []*node{n}
	case len(n.items) == 0:
		r.errorAt(n, "the list is empty", "fill it, or delete the line")
	}
	return slices.DeleteFunc(slices.Clone(n.items), func(item *node) bool {
		if item.form == nothing {
			r.errorAt(item, "an item of the list is empty", "delete the - or fill it")
		}
		return item.form == nothing
	})
}

func words() kind[string] {
	return kind[string]{
		read: func(r *loader, n *node) (string, bool) { text := r.words(n); return text, text != "" },
		show: func(v, _ string) string { return v },
	}
}

// distinct reads a list of values, none of them twice.
func distinct[V comparable](r *loader, n *node, format string, read func(*node) (V, bool)) (all []V) {
	for _, item := range r.each(n) {
		v, ok := read(item)
		if ok && slices.Contains(all, v) {
			r.errorAt(item, fmt.Sprintf(format+" stands in the list twice", v), "keep one of the two")
		} else if ok {
			all = append(all, v)
		}
	}
	return all
}

// names is a list of names of something that comes in, none of them twice.
func names(of segments.Kind) kind[[]string] {
	return kind[[]string]{
		read: func(r *loader, n *node) ([]string, bool) {
			return distinct(r, n, "%q", func(item *node) (string, bool) {
				text := r.words(item)
				r.name(item, of, text)
				return text, text != ""
			}), true
		},
		show: func(v []string, _ string) string { return inWords(v) },
	}
}

// maybe is a kind whose value may be missing.
func maybe[V any](as kind[V], missing string) kind[*V] {
	return kind[*V]{
		read: func(r *loader, n *node) (*V, bool) { v, ok := as.read(r, n); return &v, ok },
		show: func(v *V, currency string) string {
			if v == nil {
				return missing
			}
			return as.show(*v, currency)
		},
	}
}

// oneOf is one of a few words.
func oneOf(words ...string) kind[string] {
	return of(func(s string) (string, error) {
		switch {
		case slices.Contains(words, s):
			return s, nil
		case len(words) == 1:
			return "", wrong{fmt.Sprintf("%q has no meaning here", s), "write " + words[0] + ", or delete the line"}
		}
		return "", wrong{fmt.Sprintf("%q is not one of %s", s, inWords(words)), suggest(s, words, "write one of them")}
	}, same)
}

func truth() kind[bool] {
	return of(func(s string) (bool, error) {
		if s != "true" && s != "false" {
			return false, wrong{fmt.Sprintf("%q is neither true nor false", s), "write true or false"}
		}
		return s == "true", nil
	}, func(v bool) string { return map[bool]string{true: "yes"}[v] })
}

// whole is a whole number between two bounds.
func whole[V int | int64](from, to int64) kind[V] {
	return number("", func(s string) (V, error) {
		v, err := strconv.ParseInt(s, 10, 64)
		plain, percent := strings.CutSuffix(s, "%")
		switch {
		case percent:
			return 0, fmt.Errorf("%q is not a whole number: write %s, without %%", s, plain)
		case err != nil || strings.HasPrefix(s, "+"):
			return 0, fmt.Errorf("%q is not a whole number, like %d", s, max(from, 10))
		case v < from || v > to:
			return 0, wrong{fmt.Sprintf("%d is out of bounds", v), fmt.Sprintf("%d to %d will do", from, to)}
		}
		return V(v), nil
	})
}

// amount is an amount above zero in minor units. One with more decimals than the
// currency has is refused rather than rounded.
func amount() kind[int64] {
	return kind[int64]{
		read: func(r *loader, n *node) (int64, bool) {
			currency := r.program.Currency
			return parsed(r, n, func(s string) (int64, error) { return parseAmount(s, currency) })
		},
		show: func(v int64, currency string) string {
			if v == 0 {
				return ""
			}
			return loyalty.FormatMoney(v, currency)
		},
	}
}

// parseAmount reads an amount above zero.
func parseAmount(s, currency string) (int64, error) {
	v, err := loyalty.ParseMoney(s, currency)
	if number, _, two := strings.Cut(s, " "); err != nil && two && strings.HasSuffix(s, currency) {
		err = fmt.Errorf("%q is not a number: write %s alone, all amounts are %s", s, number, currency)
	}
	if err != nil {
		return 0, err
	}
	fine, err := loyalty.ParseDecimal(s, loyalty.CurrencyDigits(currency)+3)
	switch {
	case err != nil || fine != v*1000:
		return 0, fmt.Errorf("%q is not an amount of %s, which has %d decimals", s, currency, loyalty.CurrencyDigits(currency))
	case v > loyalty.Most:
		return 0, fmt.Errorf("%q is larger than we can count: at most %s %s", s, loyalty.FormatMoney(loyalty.Most, currency), currency)
	case v <= 0:
		return 0, errors.New("an amount above zero belongs here")
	}
	return v, nil
}

// share is 10% or 2.5%, in thousandths.
func share() kind[int] {
	return of(func(s string) (int, error) {
		share, percent := strings.CutSuffix(s, "%")
		v, err := loyalty.ParseDecimal(strings.TrimSpace(share), 1)
		if !percent || err != nil || v < 0 || v > 1000 {
			return 0, fmt.Errorf("%q is not a share like 10%%", s)
		}
		return int(v), nil
	}, percent)
}

func percent(permille int) string {
	return strings.TrimSuffix(fmt.Sprintf("%d.%d", permille/10, permille%10), ".0") + "%"
}

// days is 14d, at least 1.
func days() kind[int] {
	return number("d", func(s string) (int, error) {
		v, err := loyalty.ParseDays(s)
		if err == nil && v == 0 {
			err = wrong{"0d is no time at all", "write a number of days, or delete the line"}
		}
		return v, err
	})
}

// span is 90m, 36h or 7d, at least one minute.
func span() kind[time.Duration] {
	return of(func(s string) (time.Duration, error) {
		v, err := loyalty.ParseSpan(s)
		if err == nil && v == 0 {
			err = wrong{fmt.Sprintf("%q is no time at all", s), "write a length of time like 6h"}
		}
		return v, err
	}, loyalty.Span)
}

// shortestKept is how many days everything that people did is kept at least: reports look
// back as far.
const shortestKept = 90

// keeping is a length of time like 25m that is no shorter, or always, which is none.
func keeping() kind[loyalty.Period] {
	return of(func(s string) (p loyalty.Period, err error) {
		if s == "always" {
			return p, nil
		}
		if p, err = parsePeriod(s); err == nil && p.Days+30*p.Months < shortestKept {
			err = wrong{fmt.Sprintf("%s is too short: reports look further back", s), "write 3m or more, or always"}
		}
		return p, err
	}, func(p loyalty.Period) string {
		if p == (loyalty.Period{}) {
			return "always"
		}
		return periodText(p)
	})
}

// date is a day; the zero one is none.
func date() kind[loyalty.Day] {
	return of(loyalty.ParseDay, func(d loyalty.Day) string {
		if d == 0 {
			return ""
		}
		return d.String()
	})
}

// topic is the name of a topic of the program.
func topic() kind[string] {
	return kind[string]{show: func(v, _ string) string { return v }, read: func(r *loader, n *node) (string, bool) {
		return parsed(r, n, func(s string) (string, error) {
			if _, known := r.program.Topics[s]; !known {
				return "", wrong{fmt.Sprintf("%q is not a topic of the program", s), suggest(s, sortedKeys(r.program.Topics), "")}
			}
			return s, nil
		})
	}}
}

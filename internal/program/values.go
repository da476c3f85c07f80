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

func (r *reading) report(at *node, level Level, message, hint string) {
	r.problems = append(r.problems, Problem{at.src.file, at.line, at.col, message, hint, level, false})
}

func (r *reading) errorAt(at *node, message, hint string) { r.report(at, Error, message, hint) }
func (r *reading) warnAt(at *node, message, hint string)  { r.report(at, Warning, message, hint) }

// notYet reports a part of the format that this version knows and does not do.
func (r *reading) notYet(at *node, what string) {
	r.report(at, NotYet, fmt.Sprintf("%q belongs to the format, but this version does not do it", what), "leave it out for now")
}

// text returns a single value as it stands in the file; false, and reported,
// when there is a list or a group. A nil node is no text and no mistake.
func (r *reading) text(n *node) (string, bool) {
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
func (r *reading) words(n *node) string {
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

// read parses a single value and reports what the parser says against it.
func read[T any](r *reading, n *node, parse func(string) (T, error)) (value T, ok bool) {
	text, ok := r.text(n)
	if !ok {
		return value, false
	}
	value, err := parse(text)
	if err != nil {
		r.errorAt(n, saying(err), "")
		return value, false
	}
	return value, true
}

// saying returns what an error says, without the column of a rule's: ours is the file's.
func saying(err error) string {
	var wrong *segments.Error
	if errors.As(err, &wrong) {
		return wrong.Message
	}
	return err.Error()
}

// each returns the values of a list; a single value is a list of one.
func (r *reading) each(n *node) []*node {
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

// several reads a list of names of a kind, none of them twice.
func (r *reading) several(n *node, kind segments.Kind) (texts []string) {
	for _, item := range r.each(n) {
		text := r.words(item)
		if text != "" && slices.Contains(texts, text) {
			r.errorAt(item, fmt.Sprintf("%q stands in the list twice", text), "keep one of the two")
		} else if text != "" {
			r.name(item, kind, text)
			texts = append(texts, text)
		}
	}
	return texts
}

// oneOf reads one of a few words; "" when it is none of them, and reported.
func (r *reading) oneOf(n *node, words ...string) string {
	text, ok := r.text(n)
	if !ok || slices.Contains(words, text) {
		return text
	}
	if len(words) == 1 {
		r.errorAt(n, fmt.Sprintf("%q has no meaning here", text), "write "+words[0]+", or delete the line")
		return ""
	}
	r.errorAt(n, fmt.Sprintf("%q is not one of %s", text, inWords(words)), suggest(text, words, "write one of them"))
	return ""
}

// yes reads true or false; otherwise answers def, reported if anything stands there.
func (r *reading) yes(n *node, def bool) bool {
	if text, ok := r.text(n); ok {
		if text == "true" || text == "false" {
			return text == "true"
		}
		r.errorAt(n, fmt.Sprintf("%q is neither true nor false", text), "write true or false")
	}
	return def
}

// number reads a whole number between two bounds; 0 when it is none.
func (r *reading) number(n *node, from, to int64) int64 {
	value, ok := read(r, n, func(s string) (int64, error) {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil || strings.HasPrefix(s, "+") {
			if plain, ok := strings.CutSuffix(s, "%"); ok {
				return 0, fmt.Errorf("%q is not a whole number: write %s, without %%", s, plain)
			}
			return 0, fmt.Errorf("%q is not a whole number, like %d", s, max(from, 10))
		}
		return v, nil
	})
	if ok && (value < from || value > to) {
		r.errorAt(n, fmt.Sprintf("%d is out of bounds", value), fmt.Sprintf("%d to %d will do", from, to))
		return 0
	}
	return value
}

// money reads an amount above zero in minor units; 0 when it is none. An amount
// with more decimals than the currency has is refused rather than rounded.
func (r *reading) money(n *node) int64 {
	value, ok := read(r, n, func(s string) (int64, error) {
		v, err := loyalty.ParseMoney(s, r.program.Currency)
		if err != nil {
			if number, _, two := strings.Cut(s, " "); two && strings.HasSuffix(s, r.program.Currency) {
				return 0, fmt.Errorf("%q is not a number: write %s alone, all amounts are %s", s, number, r.program.Currency)
			}
			return 0, err
		}
		fine, err := loyalty.ParseDecimal(s, loyalty.CurrencyDigits(r.program.Currency)+3)
		if err != nil || fine != v*1000 {
			return 0, fmt.Errorf("%q is not an amount of %s, which has %d decimals", s, r.program.Currency, loyalty.CurrencyDigits(r.program.Currency))
		}
		if v > loyalty.Most {
			return 0, fmt.Errorf("%q is larger than we can count: at most %s", s, r.amount(loyalty.Most))
		}
		return v, nil
	})
	if ok && value <= 0 {
		r.errorAt(n, "an amount above zero belongs here", "")
		return 0
	}
	return value
}

// permille reads a share, 10% or 2.5%, in thousandths; false when it is none.
func (r *reading) permille(n *node) (int, bool) {
	return read(r, n, func(s string) (int, error) {
		share, percent := strings.CutSuffix(s, "%")
		v, err := loyalty.ParseDecimal(strings.TrimSpace(share), 1)
		if !percent || err != nil || v < 0 || v > 1000 {
			return 0, fmt.Errorf("%q is not a share like 10%%", s)
		}
		return int(v), nil
	})
}

// days reads 14d, at least 1.
func (r *reading) days(n *node) int {
	v, ok := read(r, n, loyalty.ParseDays)
	if ok && v == 0 {
		r.errorAt(n, "0d is no time at all", "write a number of days, or delete the line")
	}
	return v
}

// span reads 90m, 36h or 7d, at least one minute; def when nothing stands there.
func (r *reading) span(n *node, def time.Duration) time.Duration {
	v, ok := read(r, n, loyalty.ParseSpan)
	if ok && v == 0 {
		r.errorAt(n, fmt.Sprintf("%q is no time at all", n.text), "write a length of time like 6h")
	}
	if !ok {
		return def
	}
	return v
}

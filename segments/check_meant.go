package segments

import (
	"fmt"
	"maps"
	"regulars/internal/loyalty"
	"slices"
	"strings"
)

// What a marketer may have meant by something that is wrong, once the names of
// the rule are known.

// literal reports whether it is a number or a text.
func (f form) literal() bool { return f == formNumber || f == formText }

// values returns the values that are joined with or, or listed, as a list is
// written; "" if it is anything else.
func (s *syntax) values() string {
	if s.form != formOr && s.form != formAnd && s.form != formList {
		return ""
	}
	list := make([]string, len(s.kids))
	for i, kid := range s.kids {
		if !kid.form.literal() {
			return ""
		}
		list[i] = kid.show()
	}
	return strings.Join(list, ", ")
}

// again says that the field of the comparison before must be named once more.
func again(before, s *syntax) *Error {
	if before.form != formCompare || before.kids[0].form != formName || !before.kids[1].form.literal() {
		return nil
	}
	name, op := before.kids[0].word, before.word
	if before.kids[0].called {
		name += "(…)"
	}
	msg := fmt.Sprintf("%s is only a value: name the field again, %s %s %[1]s", s.show(), name, op)
	if op == "==" {
		msg += fmt.Sprintf(", or list the values, %s in (%s, %s)", name, before.kids[1].show(), s.show())
	}
	return fail(s.pos, "%s", msg)
}

// uses returns a function with a text in its brackets, for somebody who wrote
// one without the other.
func (c *checker) uses(name, text string) string {
	e := find(catalogue(), name)
	if e == nil || e.what == "" {
		return ""
	}
	use := fmt.Sprintf(`%s("%s")`, name, text)
	if e.typ == Number {
		use += " >= 1"
	}
	return use
}

// quotedField returns the text of a comparison that is a field's name.
func (c *checker) quotedField(kids []*syntax) string {
	for _, s := range kids {
		if s.form != formText {
			continue
		}
		if _, err := c.entry(&syntax{form: formName, word: s.word}); err == nil {
			return s.word
		}
	}
	return ""
}

// wordFor says what to write for a word that is no field but was compared with
// one: null, yes, today, three.
func (c *checker) wordFor(of *call, s *syntax) *Error {
	_, err := c.entry(s)
	if err == nil {
		return nil
	}
	word := strings.ToLower(s.word)
	switch {
	case of.typ == Bool && slices.Contains([]string{"yes", "no", "on", "off", "y", "n", "ja", "nein"}, word), of.typ == Bool && isNothing(word):
		return fail(s.pos, "%s is yes or no: write %s or not %[2]s", of.name, of.named())
	case isNothing(word):
		return fail(s.pos, "whether there is a value is asked with known(%s), or not known(%[1]s)", of.name)
	case of.typ == Any && slices.Contains([]string{"yes", "no", "on", "off"}, word):
		return fail(s.pos, "write true or false instead of %s", s.word)
	case s.called || len(err.Near) > 0 || err.Message != c.plainUnknown(s):
		return nil
	case of.typ == Number || of.typ == Money:
		return fail(s.pos, "there is no field called %s; %s is %s: %s", s.word, of.name, of.typ.a(), of.wants(s))
	case of.typ == Date:
		return fail(s.pos, `there is no field called %s; %s is a date: write the other side like "2027-06-21"`, s.word, of.name)
	}
	return nil
}

// plainUnknown is the message for a name of which nothing better can be said.
func (c *checker) plainUnknown(s *syntax) string { return unknownField(s, nil, nil).Message }

// wants says what a number is to be compared with.
func (c *call) wants(s *syntax) string {
	if s.form == formText {
		days := ""
		if c.unit == "day" {
			days = daysMeant(s.word)
		}
		amount := amountMeant(s.word)
		if dayMeant(s.word) != "" || spanMeant(s.word) != "" {
			amount = ""
		}
		switch {
		case days != "":
			return "write the number alone, without quotes: " + days
		case amount != "" && c.typ == Money:
			return "write the amount alone, without quotes and currency: " + amount
		case amount != "":
			return "write the number alone, without quotes: " + amount
		}
	}
	if c.unit == "day" {
		return "compare it with a number of days, as in " + strings.TrimSuffix(c.example(), ">= 3") + ">= 90"
	}
	return "compare it with a number, as in " + c.example()
}

// notASpan says what is wrong with a text where a time span should stand.
func notASpan(e *entry, of, s *syntax, wrong error) string {
	first := of.kids[0]
	switch {
	case s.word == "":
		return `the time span is empty: write one like "90d", "12w", "6m" or "1y"`
	case spanMeant(s.word) != "":
		return fmt.Sprintf(`the time span "%s" is written "%s"`, s.word, spanMeant(s.word))
	case e.what != "" && first.form == formText && spanMeant(first.word) != "":
		return fmt.Sprintf(`the %s comes first and the time span second: %s("%s", "%s")`, e.what, e.name, s.word, spanMeant(first.word))
	case e.what != "" && first.form == formText:
		return fmt.Sprintf(`%v; two are joined with or: %s("%s") or %[2]s("%[4]s")`, wrong, e.name, first.word, s.word)
	case e.typ == Text:
		return fmt.Sprintf(`%v; what it is compared with stands outside: %s == "%s"`, wrong, e.name, s.word)
	}
	return wrong.Error()
}

// tooMany says what is wrong with an argument that a function does not take.
func tooMany(e *entry, of, s *syntax) *Error {
	first := of.kids[0]
	switch {
	case s.form == formText && spanMeant(s.word) != "" && !e.window:
		return fail(s.pos, "%s takes no time span: it is written %s", e.name, e.usage())
	case e.what != "" && s != first && s.form == formText && first.form == formText:
		return fail(s.pos, `%s takes one %s: write %[1]s("%[3]s") or %[1]s("%[4]s")`, e.name, e.what, first.word, s.word)
	case e.typ == List && s.form == formText:
		return fail(s.pos, `what a list holds is asked with in: "%s" in %s`, s.word, e.name)
	}
	return fail(s.pos, "%s takes nothing of the kind in its brackets: it is written %s", e.name, e.usage())
}

// foreign says what to write for a name that is none of ours but a known habit.
func (c *checker) foreign(s *syntax) string {
	group, rest, dotted := strings.Cut(s.word, ".")
	lower := strings.ToLower(s.word)
	if ours := latin(s.word); ours != s.word && c.means(ours) {
		return fmt.Sprintf("%s has letters of another alphabet that look like ours: type it anew as %s", s.word, ours)
	}
	for _, prefix := range []string{"not_", "never_", "no_"} {
		if name, cut := strings.CutPrefix(lower, prefix); cut && oneName(name) != "" {
			return "not stands before a condition: write not " + oneName(name)
		}
	}
	for prefix, of := range map[string]string{"days_since_": "days_since", "days_until_": "days_until", "days_to_": "days_until"} {
		if name, cut := strings.CutPrefix(lower, prefix); cut && c.scope.Attributes[name] == Date {
			return "write " + of + "(" + name + ")"
		}
	}
	for name := range c.scope.Segments {
		if strings.EqualFold(name, s.word) {
			return fmt.Sprintf(`%s is a segment: write in_segment("%[1]s")`, name)
		}
	}
	switch e := find(catalogue(), group); {
	case dotted && slices.Contains([]string{"member", "members", "customer", "contact", "user", "profile", "person", "attributes"}, strings.ToLower(group)) && c.means(rest):
		return "write " + rest + " by itself, without " + group + "."
	case dotted && e != nil && e.what != "":
		return fmt.Sprintf(`what belongs to %s stands in brackets: %[1]s("%s")`, group, rest)
	case dotted && e != nil:
		return "write " + group + " by itself, without ." + rest
	}
	if c.near(s) {
		return ""
	}
	if say := insteadOf(s.word); say != "" {
		return s.word + " has no meaning in a rule: " + say
	}
	return ""
}

// means reports whether a name means something here.
func (c *checker) means(name string) bool {
	_, own := c.scope.Attributes[name]
	return own || find(catalogue(), name) != nil
}

// near reports whether a field goes by that name, too.
func (c *checker) near(s *syntax) bool {
	return slices.ContainsFunc(catalogue(), func(e *entry) bool { return slices.Contains(e.also, strings.ToLower(s.word)) })
}

// orSegment adds to what is wrong with a name that stands as a condition which
// segment it may have meant.
func (c *checker) orSegment(s *syntax, wrong *Error) *Error {
	if s.called || wrong.Message != c.plainUnknown(s) {
		return wrong
	}
	if near := loyalty.Near(s.word, slices.Sorted(maps.Keys(c.scope.Segments))); len(near) > 0 {
		return &Error{Offset: s.pos, Near: near, Message: "there is no field called " + s.word + "; did you mean the segment " + alternatives(near) + "?"}
	}
	return wrong
}

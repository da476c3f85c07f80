package segments

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What people write out of habit, and how it is written here. Nothing of this is
// accepted: it makes the message say what to type instead, and a rule then means
// one thing only. Other names for a field stand with the field (entry.also), signs
// of other languages with the lexer.

// habits are words that people bring along from other languages and from their
// own, and what to write instead.
var habits = []struct{ typed, right string }{
	{"like ilike match matches similar contain contains include includes has starts startswith starts_with ends endswith ends_with lower upper trim",
		`texts are compared whole, as in country == "FI"; what a list holds is asked with "club" in tags`},
	{"equals equal eq is are was be", "write == to compare, as in orders == 3"},
	{"greater more over above gt gte ge least at less fewer smaller under below lt lte le most exceeds than",
		"write comparisons as signs: > more than, >= at least, < less than, <= at most"},
	{"last past within during since ago the this previous next for", `a time span stands in brackets after its field: orders("90d")`},
	{"order group having limit union where select from join sort by then else end if when case",
		"a rule only says who is in: nothing is selected, sorted or limited"},
	{"but plus unless xor und et ja y och e en sowie also", "conditions are joined with and or or, and turned round with not"},
	{"today now date current_date tomorrow yesterday", `a date is written out, as "2027-06-21"; how long ago it was is asked with days_since(field)`},
	{"email e_mail mail name first_name last_name phone address", "rules read what members do and not their names and addresses; `regulars member find` finds a person"},
	{"null nil none nothing empty blank missing unknown isset isnull is_null coalesce", "whether there is a value is asked with known(country)"},
}

func habit(word string) string {
	for _, h := range habits {
		if among(word, h.typed) {
			return h.right
		}
	}
	return ""
}

// among reports whether a word is one of some, in whatever case.
func among(word, some string) bool {
	return slices.Contains(strings.Fields(some), strings.ToLower(word))
}

// isNothing reports whether a word of other languages means that there is no value.
func isNothing(word string) bool {
	return among(word, "null nil none nothing never empty blank missing unknown")
}

// currencyWord reports whether a word names a currency.
func currencyWord(word string) bool {
	return among(word, "eur euro euros usd dollar dollars gbp pound pounds sek nok dkk kr chf pln mkd den twd nt")
}

var amountForm = regexp.MustCompile(`^\s*[^0-9.,\s-]{0,5}\s*([0-9][0-9.,' \x{a0}\x{202f}]*)\s*(?:[^0-9]{0,12})$`)

// amountMeant finds the number in 1,000.50, 59,90 and €59, or "". Of two kinds of
// separators the last is of decimals; one alone is of thousands if it comes several
// times, or if it is a comma with three digits after it.
func amountMeant(s string) string {
	m := amountForm.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	n := strings.Trim(strings.NewReplacer(" ", "", "'", "", "\u00a0", "", "\u202f", "").Replace(m[1]), ".,")
	if last := strings.LastIndexAny(n, ".,"); last >= 0 {
		sign := n[last : last+1]
		both := strings.Contains(n, ",") && strings.Contains(n, ".")
		thousands := !both && len(n)-last == 4 && (sign == "," || strings.Count(n, sign) > 1)
		before := strings.NewReplacer(",", "", ".", "").Replace(n[:last])
		if n = before + "." + n[last+1:]; thousands {
			n = before + n[len(before)+1:]
		}
	}
	if !plainNumber.MatchString(n) {
		return ""
	}
	return n
}

var spanHabit = regexp.MustCompile(`(?i)^\s*(?:(?:in\s+)?(?:the\s+)?(?:last|past|within)\s+|-)?([0-9]{1,6})\s*(d|days?|w|weeks?|m|mo|months?|y|yrs?|years?)(?:\s+ago)?\s*$`)

// spanMeant returns a time span as rules write it, 90d for "last 90 days", or "".
func spanMeant(s string) string {
	m := spanHabit.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	span := strings.TrimLeft(m[1], "0") + strings.ToLower(m[2][:1])
	if _, err := parseWindow(span); err != nil {
		return ""
	}
	return span
}

// daysMeant returns a time span as a number of days, or "". A month is 30 days
// and a year 365 to those who write one where days are counted.
func daysMeant(s string) string {
	span := spanMeant(s)
	if span == "" {
		return ""
	}
	n, _ := strconv.Atoi(span[:len(span)-1])
	return strconv.Itoa(n * map[byte]int{'d': 1, 'w': 7, 'm': 30, 'y': 365}[span[len(span)-1]])
}

var (
	yearLast = regexp.MustCompile(`^([0-9]{1,2})([-./])([0-9]{1,2})[-./]([0-9]{4})$`)
	together = regexp.MustCompile(`^[0-9]{8}$`)
	bareDate = regexp.MustCompile(`^(?:[0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2}|[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{4})`)
)

// dayMeant returns a day as rules write it, or "" if there is none or it may be
// one of two.
func dayMeant(s string) string {
	s = strings.TrimSpace(s)
	layouts := []string{"2006-1-2", "2006/1/2", "2006.1.2", "20060102", "January 2, 2006", "2 January 2006", "Jan 2, 2006", "2 Jan 2006"}
	if m := yearLast.FindStringSubmatch(s); m != nil {
		a, _ := strconv.Atoi(m[1])
		b, _ := strconv.Atoi(m[3])
		sign := m[2]
		switch {
		case sign == "." || a > 12 || a == b: // with points the day comes first, everywhere
			layouts = []string{"2" + sign + "1" + sign + "2006"}
		case b > 12:
			layouts = []string{"1" + sign + "2" + sign + "2006"}
		default:
			return ""
		}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format(time.DateOnly)
		}
	}
	return ""
}

// oneName returns the field that two words may have meant, as it is written.
func oneName(word string) string {
	for _, e := range catalogue() {
		if among(word, e.name) || slices.Contains(e.also, strings.ToLower(word)) {
			return e.named()
		}
	}
	return ""
}

// leftover says what is wrong with a token after which the rule should have ended.
func (p *parser) leftover() *Error {
	t, prev := p.peek(), p.last()
	next := p.tokens[min(p.at+1, len(p.tokens)-1)]
	lower, name := strings.ToLower(t.text), strings.ToLower(prev.text)
	field := prev.kind == tokWord && !isKeyword(prev.text)
	e := find(catalogue(), prev.text)
	switch {
	case t.text == ")" || t.text == "]":
		return fail(t.pos, "the bracket %s closes nothing", t.text)
	case t.text == "," && prev.kind == tokNumber && next.kind == tokNumber && amountMeant(prev.text+","+next.text) != "":
		return fail(t.pos, "write numbers with a point and without separators: %s", amountMeant(prev.text+","+next.text))
	case prev.kind == tokText && (t.kind == tokText || t.text == "," && next.kind == tokText):
		return fail(t.pos, `several values are asked with in, as in country in ("FI", "SE")`)
	case t.text == ",":
		return fail(t.pos, "a comma has no meaning here: conditions are joined with and or or")
	case t.text == "[" && prev.kind == tokWord:
		return fail(t.pos, `what belongs to %s stands in round brackets: %[1]s("…")`, prev.text)
	case t.text == "(" && prev.kind == tokNumber:
		return fail(t.pos, `and or or is missing before (; a time span stands right after its field: orders("90d")`)
	case t.kind == tokSymbol:
	case t.kind == tokWord && isKeyword(lower) && t.text != lower:
		return fail(t.pos, "write %s in small letters", lower)
	case prev.kind == tokNumber && t.kind == tokNumber && t.text[0] != '-':
		return fail(t.pos, "write numbers without spaces: %s", prev.text+t.text)
	case prev.kind == tokNumber && currencyWord(t.text):
		return fail(t.pos, "write the amount without its currency: %s", prev.text)
	case prev.kind == tokNumber && daysMeant(prev.text+" "+lower) != "":
		return fail(t.pos, `write the number of days alone: %s; a time span stands in quotes and brackets, as in orders("%s")`,
			daysMeant(prev.text+" "+lower), spanMeant(prev.text+" "+t.text))
	case field && among(name, "where if select when members all who show"):
		return fail(prev.pos, "a rule begins with its condition, as in orders >= 3; %s has no meaning here", prev.text)
	case field && name == "never":
		return fail(prev.pos, "write not instead of %s", prev.text)
	case field && t.kind == tokNumber && currencyWord(prev.text):
		return fail(prev.pos, "write the amount without its currency: %s", t.text)
	case field && t.kind == tokText && e != nil && (e.what != "" || e.window):
		return fail(t.pos, `what belongs to %s stands in brackets: %[1]s("%s")`, prev.text, t.text)
	case field && t.kind != tokWord:
		return fail(t.pos, "a comparison is missing before %s, as in %s == %[1]s", show(t), prev.text)
	case field && lower == "between":
		return fail(t.pos, "write two comparisons: %s >= 2 and %[1]s <= 5", prev.text)
	case field && lower == "is" && (isNothing(next.text) || strings.EqualFold(next.text, "not")):
		return fail(t.pos, "whether there is a value is asked with known(%s), or not known(%[1]s)", prev.text)
	case field && t.text == "not":
		return fail(t.pos, "not stands before a condition, as in not joined; differs from is written !=")
	case field && oneName(prev.text+"_"+t.text) != "" && habit(lower) == "":
		return fail(prev.pos, "names have no spaces: write %s", oneName(prev.text+"_"+t.text))
	case t.text == "in":
		return fail(t.pos, `in follows a field, as in country in ("FI", "SE"); a time span stands in brackets: orders("90d")`)
	case t.kind == tokWord && habit(lower) != "":
		return fail(t.pos, "%s has no meaning here: %s", t.text, habit(lower))
	}
	return fail(t.pos, "and or or is missing before %s", show(t))
}

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
func again(before, s *syntax) {
	if before.form != formCompare || before.kids[0].form != formName || !before.kids[1].form.literal() {
		return
	}
	name, op := before.kids[0].word, before.word
	if before.kids[0].called {
		name += "(…)"
	}
	msg := fmt.Sprintf("%s is only a value: name the field again, %s %s %[1]s", s.show(), name, op)
	if op == "==" {
		msg += fmt.Sprintf(", or list the values, %s in (%s, %s)", name, before.kids[1].show(), s.show())
	}
	panic(fail(s.pos, "%s", msg))
}

// textLeftOut returns a function with a text in its brackets, for somebody who wrote
// one without the other; "" for what is none.
func textLeftOut(field, text *syntax) string {
	e := find(catalogue(), field.word)
	if field.called || text.form != formText || e == nil || e.what == "" {
		return ""
	}
	use := fmt.Sprintf(`%s("%s")`, e.name, text.word)
	if e.typ == Number {
		use += " >= 1"
	}
	return use
}

// wordFor says what to write for a word that is no field but was compared with
// one: null, yes, three.
func (c *checker) wordFor(of *call, s *syntax) {
	_, err := c.entry(s)
	if err == nil {
		return
	}
	word := strings.ToLower(s.word)
	yesNo := among(word, "yes no on off")
	switch {
	case of.typ == Bool && (yesNo || isNothing(word)):
		panic(fail(s.pos, "%s is yes or no: write %s or not %[2]s", of.name, of.named()))
	case isNothing(word):
		panic(fail(s.pos, "whether there is a value is asked with known(%s), or not known(%[1]s)", of.name))
	case of.typ == Any && yesNo:
		panic(fail(s.pos, "write true or false instead of %s", s.word))
	case err.strange && (of.typ == Number || of.typ == Money):
		panic(fail(s.pos, "there is no field called %s; %s is %s: %s", s.word, of.name, of.typ.a(), of.wants(s)))
	case err.strange && of.typ == Date:
		panic(fail(s.pos, `there is no field called %s; %s is a date: write the other side like "2027-06-21"`, s.word, of.name))
	}
}

// wants says what a number is to be compared with.
func (c *call) wants(s *syntax) string {
	if s.form == formText {
		switch days, amount := daysMeant(s.word), amountMeant(s.word); {
		case days != "" && c.unit == "day":
			return "write the number alone, without quotes: " + days
		case amount == "" || days != "" || dayMeant(s.word) != "":
		case c.typ == Money:
			return "write the amount alone, without quotes and currency: " + amount
		default:
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
	case spanMeant(s.word) != "":
		return fmt.Sprintf(`the time span "%s" is written "%s"`, s.word, spanMeant(s.word))
	case e.what != "" && first.form == formText && spanMeant(first.word) != "":
		return fmt.Sprintf(`the %s comes first and the time span second: %s("%s", "%s")`, e.what, e.name, s.word, spanMeant(first.word))
	case e.what != "" && first.form == formText && s.word != "":
		return fmt.Sprintf(`%v; two are joined with or: %s("%s") or %[2]s("%[4]s")`, wrong, e.name, first.word, s.word)
	case e.typ == Text:
		return fmt.Sprintf(`%v; what it is compared with stands outside: %s == "%s"`, wrong, e.name, s.word)
	}
	return wrong.Error()
}

// tooMany says what is wrong with an argument that a function does not take.
func tooMany(e *entry, of, s *syntax) *Error {
	switch first := of.kids[0]; {
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
	_, own := c.scope.Attributes[rest]
	for prefix, of := range map[string]string{"days_since_": "days_since", "days_until_": "days_until"} {
		if name, cut := strings.CutPrefix(strings.ToLower(s.word), prefix); cut && c.scope.Attributes[name] == Date {
			return "write " + of + "(" + name + ")"
		}
	}
	for name := range c.scope.Segments {
		if strings.EqualFold(name, s.word) {
			return fmt.Sprintf(`%s is a segment: write in_segment("%[1]s")`, name)
		}
	}
	switch e := find(catalogue(), group); {
	case dotted && among(group, "member members customer contact user attributes") && (own || find(catalogue(), rest) != nil):
		return "write " + rest + " by itself, without " + group + "."
	case dotted && e != nil && e.what != "":
		return fmt.Sprintf(`what belongs to %s stands in brackets: %[1]s("%s")`, group, rest)
	case dotted && e != nil:
		return "write " + group + " by itself, without ." + rest
	case oneName(s.word) == "" && find(catalogue(), s.word+"s") == nil && habit(s.word) != "":
		return s.word + " has no meaning in a rule: " + habit(s.word)
	}
	return ""
}

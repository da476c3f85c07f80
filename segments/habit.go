package segments

import (
	"slices"
	"strings"
)

// habits are words that people bring along from other languages and from their
// own, where a rule wants a comparison or and, and what to write instead.
var habits = []struct{ words, say string }{
	{"like ilike matches match regexp rlike similar contains contain includes include has starts startswith starts_with ends endswith ends_with",
		`texts are compared whole, as in country == "FI"; what a list holds is asked with "club" in tags`},
	{"equals equal eq is are was be", "write == to compare, as in orders == 3"},
	{"greater more over above gt gte ge least at less fewer smaller under below lt lte le most exceeds than",
		"write comparisons as signs: > more than, >= at least, < less than, <= at most"},
	{"last past within during since ago the this previous next for", `a time span stands in brackets after its field: orders("90d")`},
	{"order group having limit union where select from join sort by then else end",
		"a rule only says who is in: nothing is selected, sorted or limited"},
	{"but plus unless xor und et ja y och e en sowie además also", "conditions are joined with and or or, and turned round with not"},
}

func habit(word string) string {
	for _, h := range habits {
		if slices.Contains(strings.Fields(h.words), word) {
			return h.say
		}
	}
	return ""
}

// before returns the token n places before the next one.
func (p *parser) before(n int) token {
	if p.at < n {
		return token{}
	}
	return p.tokens[p.at-n]
}

// leftover says what is wrong with a token after which the rule should have ended.
func (p *parser) leftover() *Error {
	t, prev := p.peek(), p.before(1)
	lower := strings.ToLower(t.text)
	switch {
	case t.kind == tokSymbol:
		return p.leftoverSymbol(t, prev)
	case t.kind == tokWord && isKeyword(lower) && t.text != lower:
		return fail(t.pos, "write %s in small letters", lower)
	case t.kind == tokWord && t.text != latin(t.text) && isKeyword(strings.ToLower(latin(t.text))):
		return fail(t.pos, "%s has letters of another alphabet that look like ours: type it anew as %s", t.text, latin(t.text))
	case prev.kind == tokNumber:
		if err := afterNumber(prev, t); err != nil {
			return err
		}
	case prev.kind == tokWord && !isKeyword(prev.text):
		if err := p.afterName(prev, t); err != nil {
			return err
		}
	case prev.kind == tokText && t.kind == tokText:
		return fail(t.pos, `several values are asked with in, as in country in ("FI", "SE")`)
	}
	if t.kind == tokWord && t.text == "in" {
		return fail(t.pos, `in follows a field, as in country in ("FI", "SE"); a time span stands in brackets: orders("90d")`)
	}
	if t.kind == tokWord {
		if say := habit(lower); say != "" {
			return fail(t.pos, "%s has no meaning here: %s", t.text, say)
		}
	}
	return fail(t.pos, "and or or is missing before %s", show(t))
}

func (p *parser) leftoverSymbol(t, prev token) *Error {
	next := p.tokens[min(p.at+1, len(p.tokens)-1)]
	switch {
	case t.text == ")" || t.text == "]":
		return fail(t.pos, "the bracket %s closes nothing", t.text)
	case t.text == "," && prev.kind == tokNumber && next.kind == tokNumber:
		if n := amountMeant(prev.text + "," + next.text); n != "" && !strings.HasPrefix(next.text, "-") {
			return fail(t.pos, "write numbers with a point and without separators: %s", n)
		}
	case t.text == "," && prev.kind == tokText && next.kind == tokText:
		return fail(t.pos, `several values are asked with in, as in country in ("FI", "SE")`)
	case t.text == ",":
		return fail(t.pos, "a comma has no meaning here: conditions are joined with and or or")
	case t.text == "[" && prev.kind == tokWord:
		return fail(t.pos, `what belongs to %s stands in round brackets: %[1]s("…")`, prev.text)
	case t.text == "[":
		return fail(t.pos, "square brackets hold a list after in, and nothing else")
	case t.text == "(" && prev.kind == tokNumber:
		return fail(t.pos, `and or or is missing before (; a time span stands right after its field: orders("90d")`)
	}
	return fail(t.pos, "and or or is missing before %s", show(t))
}

// afterNumber says what is wrong with what follows a number: a unit, a currency,
// more of the number.
func afterNumber(n, t token) *Error {
	switch {
	case t.kind == tokNumber && t.text[0] != '-':
		return fail(t.pos, "write numbers without spaces: %s", n.text+t.text)
	case t.kind != tokWord:
		return nil
	case currencyWord(t.text):
		return fail(t.pos, "write the amount without its currency: %s", n.text)
	}
	days := daysMeant(n.text + " " + strings.ToLower(t.text))
	if days == "" {
		return nil
	}
	return fail(t.pos, `write the number of days alone: %s; a time span stands in quotes and brackets, as in orders("%s")`,
		days, spanMeant(n.text+" "+t.text))
}

// afterName says what is wrong with what follows a field or a function.
func (p *parser) afterName(name, t token) *Error {
	lower := strings.ToLower(t.text)
	e := find(catalogue(), name.text)
	takes := e != nil && (e.what != "" || e.window)
	switch {
	case t.kind != tokSymbol && slices.Contains([]string{"where", "if", "select", "when", "members", "all", "who", "show", "having"}, strings.ToLower(name.text)):
		return fail(name.pos, "a rule begins with its condition, as in orders >= 3; %s has no meaning here", name.text)
	case t.kind == tokWord && strings.EqualFold(name.text, "never"):
		return fail(name.pos, "write not instead of %s", name.text)
	case t.kind == tokNumber && currencyWord(name.text):
		return fail(name.pos, "write the amount without its currency: %s", t.text)
	case t.kind == tokText && takes:
		return fail(t.pos, `what belongs to %s stands in brackets: %[1]s("%s")`, name.text, t.text)
	case t.kind == tokText || t.kind == tokNumber:
		return fail(t.pos, "a comparison is missing before %s, as in %s == %[1]s", show(t), name.text)
	case t.kind != tokWord:
		return nil
	case lower == "between":
		return fail(t.pos, "write two comparisons: %s >= 2 and %[1]s <= 5", name.text)
	case lower == "is" || lower == "isnull" || lower == "notnull":
		after := strings.ToLower(p.tokens[p.at+1].text)
		if isNothing(after) || after == "not" || lower != "is" {
			return fail(t.pos, "whether there is a value is asked with known(%s), or not known(%[1]s)", name.text)
		}
	case t.text == "not":
		return fail(t.pos, "not stands before a condition, as in not joined; differs from is written !=")
	}
	if whole := oneName(name.text + "_" + t.text); whole != "" && habit(lower) == "" {
		return fail(name.pos, "names have no spaces: write %s", whole)
	}
	return nil
}

// oneName returns the field that two words may have meant, as it is written.
func oneName(word string) string {
	word = strings.ToLower(word)
	for _, e := range catalogue() {
		if e.name == word || slices.Contains(e.also, word) {
			return e.named()
		}
	}
	return ""
}

// isNothing reports whether a word of other languages means that there is no value.
func isNothing(word string) bool {
	switch strings.ToLower(word) {
	case "null", "nil", "none", "nothing", "never", "empty", "blank", "undefined", "missing", "unknown", "na":
		return true
	}
	return false
}

// instead are functions of other languages, and what to write.
var instead = []struct{ words, write string }{
	{"count", `write orders for the number of orders, events("…") for that of events`},
	{"buys buy purchased bought_item has_bought", `write bought_product("…"), bought_category("…") or bought_brand("…")`},
	{"sum total value clv cltv worth turnover sales", "write spent for the sum of all orders"},
	{"avg average mean", "write average_order"},
	{"max", "write largest_order"},
	{"min", "write smallest_order"},
	{"lower upper trim lcase ucase concat substring substr left right len length",
		"texts are compared as they are written; several spellings stand in a list, as in country in (\"FI\", \"SE\")"},
	{"empty isset isnull is_null ifnull is_empty coalesce unknown is_known not_null", "whether there is a value is asked with known(country)"},
	{"today now date curdate current_date getdate tomorrow yesterday",
		`a date is written out, as "2027-06-21"; how long ago it was is asked with days_since(field)`},
	{"email e_mail mail name first_name last_name firstname lastname phone address customer_name",
		"rules read what members do and not their names and addresses; `regulars member find` finds a person"},
	{"segment segments list", `whether a member is in another segment is asked with in_segment("…")`},
	{"if case when iif switch", "a rule is one condition, joined with and, or and not"},
}

func insteadOf(word string) string {
	for _, i := range instead {
		if slices.Contains(strings.Fields(i.words), strings.ToLower(word)) {
			return i.write
		}
	}
	return ""
}

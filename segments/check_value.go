package segments

import (
	"strconv"
	"strings"

	"regulars/internal/loyalty"
)

// operand reports whether the syntax is a field or a value, not a condition.
func (s *syntax) operand() bool {
	switch s.form {
	case formName, formNumber, formText, formBool:
		return true
	}
	return false
}

// begins returns where the syntax begins; a comparison's own place is its sign.
func (s *syntax) begins() int {
	if s.form == formCompare || s.form == formIn {
		return s.kids[0].begins()
	}
	return s.pos
}

func (s *syntax) show() string {
	if s.form == formText {
		return strconv.Quote(s.word)
	}
	return s.word
}

// means returns the type that a literal gives to the property of an event.
func (s *syntax) means(op string) Type {
	switch {
	case s.form == formNumber:
		return Number
	case s.form == formBool:
		return Bool
	case s.form == formText && op != "==" && op != "!=" && dateForm.MatchString(s.word):
		return Date
	}
	return Text
}

func (c *checker) literal(of *call, s *syntax) value {
	switch of.typ {
	case Number:
		return c.number(of, s, 15)
	case Money:
		return c.money(of, s)
	case Text:
		return c.text(of.name, s, of.check)
	case Date:
		return c.date(of, s)
	case List:
		panic(fail(s.pos, `%s is a list: write %s in %s`, of.name, s.show(), of.name))
	}
	panic(fail(s.pos, "%s is yes or no: write %s or not %[2]s", of.name, of.named()))
}

func (c *checker) money(of *call, s *syntax) value {
	places := loyalty.CurrencyDigits(c.scope.Currency)
	c.number(of, s, 15-places)
	if _, decimals, _ := strings.Cut(s.word, "."); len(strings.TrimRight(decimals, "0")) > places {
		panic(fail(s.pos, "an amount of %s has %d decimals: %s has too many", c.scope.Currency, places, s.word))
	}
	minor, err := loyalty.ParseMoney(s.word, c.scope.Currency)
	if err != nil {
		panic(fail(s.pos, "%v", err))
	}
	return money(minor)
}

func (c *checker) number(of *call, s *syntax, digits int) value {
	switch {
	case s.form == formText && plainNumber.MatchString(s.word):
		panic(fail(s.pos, "%s is %s: write %s without quotes", of.name, of.typ.a(), s.word))
	case s.form != formNumber:
		panic(fail(s.pos, "%s is %s: %s", of.name, of.typ.a(), of.wants(s)))
	}
	whole, _, _ := strings.Cut(strings.TrimLeft(s.word, "-0"), ".")
	n, err := strconv.ParseFloat(s.word, 64)
	if len(whole) > digits || err != nil {
		panic(fail(s.pos, "%s is larger than we can count", s.word))
	}
	if of.entry != nil && of.checkTo != nil {
		if wrong := of.checkTo(of, n); wrong != "" {
			panic(fail(s.pos, "%s", wrong))
		}
	}
	return value{typ: Number, num: n}
}

func (c *checker) text(name string, s *syntax, check func(string) string) value {
	e := find(catalogue(), name)
	switch {
	case s.form == formNumber || s.form == formBool:
		panic(fail(s.pos, `%s is a text: write it in quotes, "%s"`, name, s.word))
	case s.word == "" && e != nil && e.what != "":
		panic(fail(s.pos, "%s needs the %s: %s", name, e.what, e.named()))
	case s.word == "":
		panic(fail(s.pos, "an empty text matches nothing; whether a field has a value is asked with known, as in known(country)"))
	}
	if check != nil {
		if wrong := check(s.word); wrong != "" {
			panic(fail(s.pos, "%s", wrong))
		}
	}
	return text(s.word)
}

// bare reports whether a name may be a text whose quotes were forgotten.
func (c *checker) bare(s *syntax) bool {
	if s.form != formName || s.called {
		return false
	}
	_, err := c.entry(s)
	return err != nil && len(err.Near) == 0
}

func unquoted(s *syntax) *Error { return fail(s.pos, `a text stands in quotes: "%s"`, s.word) }

func (c *checker) date(of *call, s *syntax) value {
	if s.form == formText && dateForm.MatchString(s.word) {
		if v := date(s.word); !v.nothing() {
			return v
		}
		panic(fail(s.pos, `there is no day "%s"`, s.word))
	}
	if s.form == formText || s.form == formNumber && together.MatchString(s.word) {
		if meant := dayMeant(s.word); meant != "" {
			panic(fail(s.pos, `%s is a date: write the other side as "%s"`, of.name, meant))
		}
	}
	panic(fail(s.pos, `%s is a date: write the other side like "2027-06-21"`, of.name))
}

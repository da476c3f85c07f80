package program

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// The ways to earn points and what a stamp is for are sentences:
//
//	earn  = N "per" (MONEY | "order") ["of" of] {limit} ["if" rule]
//	      | N "for" ("event" NAME | "birthday") {limit} ["if" rule]
//	limit = "," ("at most" N "per" (SPAN | "order") | "minimum" MONEY)
//	of    = ("product" | "category" | "brand" | "label") NAME
//	stamp = "order" | "item" | of | MONEY ["of" of]

// earnForms are sentences to go by.
const earnForms = `1 per 1.00, 50 per order, 20 for event "review.written" or 100 for birthday`

// sentence is one that is being read. What is wrong is kept in the first place where
// it shows, and what follows is read for nothing.
type sentence struct {
	text     string
	words    []word
	at       int
	currency string
	slip     *slip
}

// word is a word, a number, a comma or a name in quotes.
type word struct {
	text   string
	pos    int // bytes from the start
	quoted bool
}

// slip is what is wrong with a sentence, and where.
type slip struct {
	pos           int
	message, hint string
}

func newSentence(text, currency string) *sentence {
	return &sentence{text: text, words: wordsIn(text), currency: currency}
}

// wordsIn cuts a sentence. A comma between digits stays in their number.
func wordsIn(text string) (words []word) {
	for pos := 0; pos < len(text); {
		c, size := utf8.DecodeRuneInString(text[pos:])
		rest := text[pos+size:]
		switch {
		case unicode.IsSpace(c):
			pos += size
		case c == ',':
			words = append(words, word{",", pos, false})
			pos += size
		case (c == '"' || c == '\'') && strings.ContainsRune(rest, c):
			end := strings.IndexRune(rest, c)
			words = append(words, word{rest[:end], pos, true})
			pos += size + end + 1
		default:
			end := len(rest)
			for i, after := range rest {
				next := strings.TrimPrefix(rest[i:], ",")
				between := after == ',' && next != "" && next[0] >= '0' && next[0] <= '9' && text[pos+size+i-1] >= '0' && text[pos+size+i-1] <= '9'
				if unicode.IsSpace(after) || after == ',' && !between || after == '"' {
					end = i
					break
				}
			}
			words = append(words, word{text[pos : pos+size+end], pos, false})
			pos += size + end
		}
	}
	return words
}

// next takes a word; at the end it is an empty one.
func (s *sentence) next() word {
	w := s.peek()
	s.at = min(s.at+1, len(s.words))
	return w
}

func (s *sentence) peek() word {
	if s.at >= len(s.words) {
		return word{pos: len(strings.TrimRightFunc(s.text, unicode.IsSpace))}
	}
	return s.words[s.at]
}

func (s *sentence) is(text string) bool { return s.peek().text == text && !s.peek().quoted }

func (s *sentence) accept(text string) bool {
	if !s.is(text) {
		return false
	}
	s.at++
	return true
}

func (s *sentence) wrong(at word, message, hint string) {
	if s.slip == nil {
		s.slip = &slip{at.pos, message, hint}
	}
}

// one takes one of a few words, and says which was probably meant instead.
func (s *sentence) one(of ...string) string {
	w := s.next()
	var likely []string
	for _, text := range of {
		if w.text == text && !w.quoted {
			return text
		}
		likely = append(likely, strings.Fields(text)[0])
	}
	belongs := orWords(of)
	switch near := loyalty.Nearest(w.text, likely); {
	case w.text == "":
		s.wrong(w, "the sentence ends where "+belongs+" belongs", "write it like "+earnForms)
	case near != "":
		s.wrong(w, fmt.Sprintf("%q stands where %s belongs", w.text, belongs), fmt.Sprintf("did you mean %q?", near))
	default:
		s.wrong(w, fmt.Sprintf("%q stands where %s belongs", w.text, belongs), "")
	}
	return ""
}

// orWords lists words of which one is to be taken: a, b or c.
func orWords(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// count takes a whole number of things.
func (s *sentence) count(of string) int64 {
	w := s.next()
	n, err := strconv.ParseInt(w.text, 10, 64)
	switch {
	case w.text == "":
		s.wrong(w, "the sentence ends where a number of "+of+" belongs", "")
	case err != nil || w.quoted || w.text[0] == '+':
		s.wrong(w, fmt.Sprintf("%q is not a whole number of %s", w.text, of), map[string]string{"times": "write it like 4 per order or 1 per 30d", "points": "write it like " + earnForms}[of])
	case n < 1 || n > 1e9:
		s.wrong(w, fmt.Sprintf("%d %s is out of bounds", n, of), "1 to 1000000000 will do")
	}
	return n
}

// money takes an amount.
func (s *sentence) money() int64 {
	w := s.next()
	if w.text == "" {
		s.wrong(w, "the sentence ends where an amount belongs", "like 1.00")
		return 0
	}
	n, err := parseAmount(w.text, s.currency)
	if err != nil {
		hint := ""
		if strings.Contains(w.text, ",") && !strings.Contains(w.text, ".") {
			hint = "write " + strings.ReplaceAll(w.text, ",", ".")
		}
		s.wrong(w, err.Error(), hint)
	}
	return n
}

// name takes a name in quotes.
func (s *sentence) name(kind string) string {
	w := s.next()
	switch {
	case w.quoted && strings.TrimSpace(w.text) == "":
		s.wrong(w, "nothing stands between the quotes", "write the name of the "+kind)
	case w.quoted:
		return w.text
	case w.text == "" || w.text == ",":
		s.wrong(w, "the name of the "+kind+" is missing", fmt.Sprintf(`write %s "…"`, kind))
	default:
		s.at--
		name := s.phrase()
		s.wrong(w, "the name of a "+kind+" stands in straight quotes", fmt.Sprintf("write %s %q", kind, name))
	}
	return ""
}

// phrase takes the words of a name that has no quotes, or other ones.
func (s *sentence) phrase() string {
	name := strings.Trim(s.next().text, `"'“”„`)
	for !s.is("") && !s.is(",") && !s.is("if") && !s.peek().quoted {
		name += " " + strings.Trim(s.next().text, `"'“”„`)
	}
	return name
}

// ofKinds are what lines of an order can be told by.
var ofKinds = []string{"product", "category", "brand", "label"}

// of takes what lines something is about.
func (s *sentence) of() loyalty.Of {
	w := s.peek()
	if known := slices.Contains(ofKinds, w.text) && !w.quoted; !known && loyalty.Nearest(w.text, ofKinds) == "" && w.text != "" {
		name := s.phrase()
		s.wrong(w, fmt.Sprintf("%q does not say of what kind it is", name), fmt.Sprintf("write category %q, or product, brand or label", name))
		return loyalty.Of{}
	}
	kind := s.one(ofKinds...)
	if kind == "" {
		return loyalty.Of{}
	}
	return loyalty.Of{Kind: kind, Name: s.name(kind)}
}

// limit takes how many times something counts: 4 per order, 1 per 30d.
func (s *sentence) limit() (l loyalty.Limit) {
	l.N = s.count("times")
	if w := s.peek(); s.slip == nil && !s.accept("per") {
		s.wrong(w, fmt.Sprintf("%q stands where per belongs", w.text), "write it like 4 per order or 1 per 30d")
	}
	if s.slip != nil {
		return l
	}
	w := s.next()
	if w.text == "order" && !w.quoted {
		l.In = "order"
		return l
	}
	p, err := parsePeriod(w.text)
	if w.text == "day" {
		p, err = loyalty.Period{Days: 1}, nil
	}
	if err != nil {
		hint := "write a length of time like 30d, or order"
		if meant := periodMeant(w.text); meant != "" {
			hint = "write " + meant
		} else if loyalty.Nearest(w.text, []string{"order"}) != "" {
			hint = `did you mean "order"?`
		}
		s.wrong(w, fmt.Sprintf("%q is not a length of time", w.text), hint)
	}
	l.Per = p
	return l
}

// end asks that nothing follows.
func (s *sentence) end(form string) {
	if w := s.peek(); s.at < len(s.words) {
		s.wrong(w, fmt.Sprintf("%q is too much here", w.text), form)
	}
}

// earn takes a way to earn points. What follows if is a rule, and left to segments:
// it begins at the offset; 0: there is none.
func (s *sentence) earn() (e loyalty.Earn, rule int) {
	if w := s.peek(); w.text != "" && (w.text[0] < '0' || w.text[0] > '9') {
		if w.text == "at" || w.text == "minimum" {
			s.wrong(w, "inside [ ] a comma begins the next sentence", "write each sentence on a line of its own, after - and a blank")
		}
		s.wrong(w, fmt.Sprintf("%q does not say how many points", w.text), "begin with their number, like "+earnForms)
		return e, 0
	}
	if e.N = s.count("points"); s.slip != nil {
		return e, 0
	}
	switch s.one("per", "for") {
	case "per":
		if e.For = ""; s.accept("order") {
			e.For = "order"
		} else if near := loyalty.Nearest(s.peek().text, []string{"order", "event", "birthday"}); near != "" {
			hint := `did you mean "order"?`
			if near != "order" {
				hint = fmt.Sprintf("write %d for %s", e.N, map[string]string{"event": `event "…"`, "birthday": "birthday"}[near])
			}
			s.wrong(s.peek(), fmt.Sprintf("%q is neither an amount nor order", s.peek().text), hint)
		} else {
			e.Per = s.money()
		}
		if s.accept("of") {
			e.Of = s.of()
		}
	case "for":
		if w := s.peek(); w.text != "" && w.text[0] >= '0' && w.text[0] <= '9' || w.text == "order" {
			s.wrong(w, "what is earned for each amount and each order is said with per", fmt.Sprintf("write %d per %s", e.N, w.text))
		}
		if e.For = s.one("event", "birthday"); e.For == "event" {
			if e.Event = s.name("event"); e.Event == "joined" {
				e.For, e.Event = "joined", ""
			}
		}
	}
	for s.slip == nil && s.is(",") {
		s.next()
		s.bound(&e)
	}
	if w := s.peek(); s.slip == nil && s.accept("if") {
		if e.For == "joined" || e.For == "birthday" {
			s.wrong(w, "a condition goes with amounts, orders and events, and everybody earns the same for "+map[string]string{"joined": "joining", "birthday": "a birthday"}[e.For], "leave it out")
		}
		return e, w.pos + len("if")
	}
	s.end(map[bool]string{true: "at most and minimum follow a comma, and a rule follows if", false: "the sentence is over: a limit follows a comma, and a rule follows if"}[s.is("at") || s.is("minimum")])
	return e, 0
}

// bound takes what stands after a comma.
func (s *sentence) bound(e *loyalty.Earn) {
	w := s.peek()
	switch s.one("at", "minimum") {
	case "minimum":
		if e.For != "order" {
			s.wrong(w, "minimum is of an order, and this is not earned per order", "leave it out")
		}
		e.Minimum = s.money()
	case "at":
		if s.one("most") == "" {
			return
		}
		limit := s.peek()
		switch e.AtMost = s.limit(); {
		case e.For == "" || e.For == "joined" || e.For == "birthday":
			s.wrong(w, "at most is for orders and events: "+map[string]string{"": "an amount has no number of times", "joined": "each member joins once", "birthday": "a birthday is once a year"}[e.For], "leave it out")
		case e.AtMost.In == "order":
			s.wrong(limit, "at most counts in a length of time here", "write 1 per 30d")
		}
	}
}

// stamp takes what a card has a stamp for.
func (s *sentence) stamp() (e loyalty.Earn) {
	e.N = 1
	w := s.peek()
	switch {
	case s.accept("order"):
		e.For = "order"
	case s.accept("item"):
		e.For = "item"
	case w.text != "" && w.text[0] >= '0' && w.text[0] <= '9':
		if e.Per = s.money(); s.accept("of") {
			e.Of = s.of()
		}
	case slices.Contains(ofKinds, w.text):
		e.For, e.Of = "item", s.of()
	default:
		hint := `write order, item, category "Coffee" or an amount`
		if near := loyalty.Nearest(w.text, append([]string{"order", "item"}, ofKinds...)); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		s.wrong(w, fmt.Sprintf("%q is nothing that a stamp can be for", w.text), hint)
	}
	s.end(`a stamp is for one thing: order, item, category "Coffee" or an amount`)
	return e
}

// said reports what is wrong with a sentence, at its place in the file; true: nothing.
func (r *loader) said(n *node, s *sentence) bool {
	switch {
	case s.slip == nil:
		return true
	case n.plain && r.cutShort(n, strings.TrimSpace(n.text)):
	default:
		line, col := n.where(s.slip.pos)
		r.errorAt(&node{src: n.src, line: line, col: col}, s.slip.message, s.slip.hint)
	}
	return false
}

// aboutName keeps the name of what comes in at its place in a sentence.
func (r *loader) aboutName(n *node, s *sentence, of loyalty.Of) {
	for _, w := range s.words {
		if w.quoted && w.text == of.Name {
			line, col := n.where(w.pos + 1)
			r.name(&node{src: n.src, line: line, col: col}, segments.Kind(of.Kind), of.Name)
			return
		}
	}
}

// earnLine reads a way to earn points.
func (r *loader) earnLine(n *node) (Earn, bool) {
	if n.form == mapping {
		r.errorAt(n, "a way to earn points is a sentence, not a group of keys", "write it like "+earnForms)
		return Earn{}, false
	}
	text, ok := r.text(n)
	if !ok {
		return Earn{}, false
	}
	s := newSentence(n.text, r.program.Currency)
	e := Earn{Spec: text}
	rule := 0
	e.Earn, rule = s.earn()
	if !r.said(n, s) {
		return e, false
	}
	r.aboutName(n, s, e.Of)
	if e.Event != "" {
		for _, w := range s.words {
			if w.quoted && w.text == e.Event {
				line, col := n.where(w.pos + 1)
				r.eventType(&node{src: n.src, line: line, col: col}, e.Event)
			}
		}
	}
	if rule > 0 {
		if strings.TrimSpace(n.text[rule:]) == "" {
			line, col := n.where(rule)
			r.errorAt(&node{src: n.src, line: line, col: col}, "nothing stands after if", "write a rule like tier >= silver, or leave if out")
			return e, false
		}
		scope := r.scope()
		scope.Earning, scope.Order, scope.Event = true, e.For == "" || e.For == "order", e.For == "event"
		if e.If = r.ruleFrom(n, rule, scope, segments.Parse); e.If == nil {
			return e, false
		}
	}
	return e, true
}

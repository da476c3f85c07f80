package templates

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

	"regulars/internal/loyalty"
)

// What a member has in the program, as mails show it beside points.… and tier.…:
//
//	{{ card "coffee" }}                 7 of 10 stamps, 3 to go; with (card "coffee").missing one figure of it
//	{{ range cards }}…{{ end }}         .name .stamps .of .missing
//	{{ range rewards }}…{{ end }}       .name .price .affordable .missing
//	{{ statement "1m" }}                a table of what came and went; {{ range statement "1m" }} with .day .points .reason
//	{{ points.earned "12m" }}           points earned less those taken back, as the rule points_earned("12m") counts them
//
// Data has them in the root "loyalty", which mails cannot name: the lists cards and
// rewards, and of each span that the mail shows a list statement_1m, the newest first, or
// a number earned_12m.
const standingRoot = "loyalty"

// Booked is what is known of an entry of the ledger; Words say why it was booked.
type Booked struct {
	Kind   string // of the ledger: earn, takeback, bonus, redeem …
	Cause  string
	Order  string // its number; "": none
	Event  string // its type
	Reward string
	Note   string // what a person wrote to it
}

// Lack is how much a figure has still to rise for a tier.
type Lack struct {
	N     int64  // money in minor units
	Of    string // the field that rules read it by, as orders
	Money bool
}

// Lacking says what a member lacks: 150.00 € + 1 order.
func (w Words) Lacking(all []Lack, currency string) string {
	said := make([]string, len(all))
	for i, lack := range all {
		switch {
		case lack.Money:
			said[i] = w.Money(lack.N, currency)
		case lack.Of == "orders":
			said[i] = w.SayOf("mails.orders", lack.N)
		case strings.HasPrefix(lack.Of, "points"):
			said[i] = w.Points(lack.N)
		default:
			said[i] = w.Number(lack.N)
		}
	}
	return strings.Join(said, " + ")
}

// itemFields lists the fields of the items of a list, read as .name inside its range.
func itemFields(list Kind) map[string]Kind {
	switch list {
	case Lines:
		return lineFields()
	case Cards:
		return map[string]Kind{"name": Text, "stamps": Number, "of": Number, "missing": Number}
	case Rewards:
		return map[string]Kind{"name": Text, "price": Number, "affordable": Bool, "missing": Number}
	case Entries:
		return map[string]Kind{"day": Date, "points": Change, "reason": Text}
	}
	return nil
}

// items are the lists with fields: how their ranges are written, and what one is called.
var items = map[Kind]struct{ how, one string }{
	Lines:   {"{{ range order.lines }}", "a line of an order"},
	Cards:   {"{{ range cards }}", "a card"},
	Rewards: {"{{ range rewards }}", "a reward"},
	Entries: {`{{ range statement "1m" }}`, "a row of the statement"},
}

// list is what a word alone goes through in a range, None for no list.
func (f Fields) list(word string) (kind Kind, there bool) {
	switch word {
	case "cards":
		return Cards, len(f.Cards) > 0
	case "rewards":
		return Rewards, f.Rewards
	}
	return None, false
}

// spanForm is how the span of a statement is written, and of points earned.
var spanForm = regexp.MustCompile(`^([1-9][0-9]{0,2})([dwmy])$`)

// spanOf reads a span, of two years at most.
func spanOf(text string) (p loyalty.Period, ok bool) {
	parts := spanForm.FindStringSubmatch(text)
	if parts == nil {
		return p, false
	}
	n, _ := strconv.Atoi(parts[1]) // three digits
	switch parts[2] {
	case "d":
		p.Days = n
	case "w":
		p.Days = 7 * n
	case "m":
		p.Months = n
	case "y":
		p.Months = 12 * n
	}
	return p, p.Months <= 24 && p.Days <= 731
}

// statementField is the list that has the rows of a span, earnedField the number of
// points that were earned in it.
func statementField(span string) string { return "statement_" + span }
func earnedField(span string) string    { return "earned_" + span }

// Shown is what a mail shows of Data's loyalty: a list, or the Number of points earned.
// Span is for how long: of a statement from that day on, of points earned from the day
// after it.
type Shown struct {
	Kind Kind
	Span loyalty.Period
}

// Standing is what of Data's loyalty the mail shows, by its field.
func (m *Mail) Standing() map[string]Shown {
	all := map[string]Shown{}
	for field, kind := range m.fields[standingRoot] {
		_, text, _ := strings.Cut(field, "_")
		span, _ := spanOf(text)
		all[field] = Shown{kind, span}
	}
	return all
}

// show keeps that the mail shows a list, and returns how the engines get it.
func (c *checker) show(field string, kind Kind) string {
	if c.shown == nil {
		c.shown = map[string]Kind{}
	}
	c.shown[field] = kind
	return "$." + standingRoot + "." + field
}

// card is {{ card "coffee" }}, or with a field one figure of it.
func (x *expression) card(at int, name, field string) expr {
	if len(x.known.Cards) == 0 {
		return x.failAt(at, "cards are written in loyalty.yaml", "the program has no cards")
	}
	if !slices.Contains(x.known.Cards, name) {
		return x.failAt(at, meant(nearest(name, x.known.Cards)), "there is no card %q; the program has %s", name, strings.Join(x.known.Cards, ", "))
	}
	call := " $.env " + x.show("cards", Cards) + " " + strconv.Quote(name)
	if field == "" {
		return expr{text: "(card" + call + ")", kind: Text}
	}
	kind := itemFields(Cards)[field]
	if kind == None {
		try := meantField(field, itemFields(Cards))
		if try != "" {
			try = meant(fmt.Sprintf("(card %q).%s", name, try))
		}
		return x.failAt(at, try, "a card has no .%s%s", field, fieldsThere("it", itemFields(Cards)))
	}
	return expr{text: "(cardpart" + call + " " + strconv.Quote(field) + ")", kind: kind}
}

// statement is the list of what came and went in a span.
func (x *expression) statement(at int, span string) expr {
	if !x.known.Points {
		return x.failAt(at, "points are written in loyalty.yaml", "the program keeps no points")
	}
	if _, ok := spanOf(span); !ok {
		return x.failAt(at, `{{ statement "1m" }}`, "%q is no span of a statement: it is one like 30d, 4w, 1m or 1y, and two years at most", span)
	}
	return expr{text: x.show(statementField(span), Entries), kind: Entries}
}

// isEarned says whether a node is points.earned, which a span follows.
func isEarned(n parse.Node) bool { return n.String() == "points.earned" }

// earned is {{ points.earned "12m" }}, the number of points earned in a span.
func (x *expression) earned(n parse.Node, args []parse.Node, piped *expr) expr {
	const how = `{{ points.earned "12m" }}`
	at := int(n.(*parse.ChainNode).Node.Position())
	if !x.known.Points {
		return x.failAt(at, "points are written in loyalty.yaml", "the program keeps no points")
	}
	span, ok := "", len(args) == 1 && piped == nil
	if ok {
		span, ok = quoted(args[0])
	}
	if !ok {
		return x.failAt(at, how, "points.earned takes the span in which they were earned")
	}
	if _, ok := spanOf(span); !ok {
		return x.failAt(at, how, "%q is no span of points earned: it is one like 30d, 4w, 12m or 1y, and two years at most", span)
	}
	return expr{text: x.show(earnedField(span), Number), kind: Number}
}

// cardCalls are what the engines call for {{ card "coffee" }}.
func cardCalls() map[string]any {
	return map[string]any{
		"card": func(e *env, cards any, name string) string {
			c := cardIn(cards, name)
			stamps, isThere := c["stamps"]
			of, missing := c["of"], c["missing"]
			switch {
			case !isThere:
				return ""
			case falsy(missing):
				return e.words.Say("mails.card_full", fmt.Sprint(of))
			}
			return e.words.Say("mails.card", fmt.Sprint(stamps), fmt.Sprint(of), fmt.Sprint(missing))
		},
		"cardpart": func(_ *env, cards any, name, field string) any {
			if v, ok := cardIn(cards, name)[field]; ok {
				return v
			}
			return ""
		},
	}
}

func cardIn(cards any, name string) map[string]any {
	list, _ := cards.([]map[string]any)
	for _, c := range list {
		if c["name"] == name {
			return c
		}
	}
	return nil
}

// tableOf writes {{ statement "1m" }} as the Markdown of a table, with actions of its own.
func (p *preparer) tableOf(n int) {
	a := p.actions[n]
	list := strings.TrimSuffix(strings.TrimPrefix(a.final, "{{"), "}}")
	mark := func(verb, final string, row bool) string {
		p.draft.actions = append(p.draft.actions, action{start: a.start, end: a.end, text: a.text, inner: a.inner, verb: verb, final: final, textual: final})
		return p.marker.of(len(p.draft.actions)-1, row)
	}
	says := func(key string) string { return mark("", `{{says $.env "`+key+`"}}`, false) }
	p.pieces = append(p.pieces, piece{p.out.Len(), a.start})
	for _, part := range []string{
		"\n", mark("if", "{{if holds "+list+"}}", false), "\n\n",
		"| ", says("statement.day"), " | ", says("statement.reason"), " | ", says("statement.points"), " |\n|---|---|--:|\n",
		"| ", mark("range", "{{range "+list+"}}", true), mark("", "{{.day}}", false), " | ", mark("", "{{.reason}}", false), " | ", mark("", "{{.points}}", false), mark("end", "{{end}}", true), "|\n",
		"\n", mark("else", "{{else}}", false), "\n\n", says("statement.none"), "\n\n", mark("end", "{{end}}", false), "\n\n",
	} {
		p.out.WriteString(part)
	}
}

// Reason says why points came or went, in words that their member understands.
func (w Words) Reason(e Booked) string {
	cause, _, _ := strings.Cut(e.Cause, ":")
	switch {
	case e.Kind == "earn":
		return w.Say("statement.order", e.Order)
	case e.Kind == "takeback" && cause == "order":
		return w.Say("statement.order_less", e.Order)
	case cause == "referral" && e.Kind == "bonus":
		return w.Say("statement.friend")
	case cause == "referral":
		return w.Say("statement.friend_less")
	case cause == "joined":
		return w.Say("statement.joined")
	case cause == "birthday":
		return w.Say("statement.birthday")
	case e.Kind == "redeem":
		return w.Say("statement.reward", e.Reward)
	case e.Kind == "return":
		return w.Say("statement.reward_back", e.Reward)
	case e.Kind == "expire":
		return w.Say("statement.ended")
	case e.Kind == "merge":
		return w.Say("statement.merged")
	case cause == "import":
		return w.Say("statement.brought")
	case e.Kind == "bonus":
		return strings.NewReplacer(".", " ", "_", " ", "-", " ").Replace(e.Event)
	case cause == "let go":
		return w.Say("statement.let_go")
	}
	return cmp.Or(e.Note, w.Say("statement.changed"))
}

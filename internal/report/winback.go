package report

import (
	"fmt"
	"maps"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/plot"
	"regulars/internal/store"
	"regulars/segments"
)

// Winback compares rules that say whom to win back: each is asked as of a past
// day, and held against who in fact did not order again until a later one.
type Winback struct {
	Among *segments.Rule // whom the question is about
	Rules []*segments.Rule
	At    loyalty.Day // the rules are asked as of the end of this day …
	Until loyalty.Day // … and orders after it count, up to the end of this one
	Left  []string    // rules that were left out, and why

	norms *segments.Norms // as of At; nil: they are computed when they are asked for
}

// Verdict is how one rule did. A mail to somebody who came back is one that was
// not needed; what a mail would have changed, only a holdout says.
type Verdict struct {
	Rule      string  `json:"rule"`
	Mails     int64   `json:"mails"`     // for whom it held
	Gone      int64   `json:"gone"`      // of these: who did not order again
	Precision float64 `json:"precision"` // Gone of Mails
	Recall    float64 `json:"recall"`    // Gone of all who did not order again
}

// WinbackResult is the comparison.
type WinbackResult struct {
	At       loyalty.Day `json:"at"`
	Until    loyalty.Day `json:"until"`
	Among    string      `json:"among"`
	Members  int64       `json:"members"` // whom the question is about
	Gone     int64       `json:"gone"`    // of these: who did not order again
	Verdicts []Verdict   `json:"rules"`
	Left     []string    `json:"left_out,omitempty"` // rules that cannot be answered as of then, and why
}

// What is compared where nobody says otherwise: those who ordered, by what can be said of
// them without a forecast and with one, over a quarter.
const (
	WinbackAmong = "orders >= 1"
	WinbackSpan  = 90 // days from At to Until
)

var winbackRules = []string{"days_since_last_order > 60", "days_since_last_order > 90", "overdue > 1.5", "alive < 0.3"}

// Usual has those rules compared that nobody has to name. One that cannot be answered as
// of then is left out.
func (w *Winback) Usual(tx *store.Tx, scope segments.Scope) error {
	w.Rules, w.Left = nil, nil
	var usual []*segments.Rule
	parts := w.Among.Norms()
	for _, text := range winbackRules {
		rule, err := segments.Parse(text, scope)
		if err != nil {
			return fmt.Errorf("the rule %s: %w", text, err)
		}
		usual, parts = append(usual, rule), parts|rule.Norms()
	}
	n, err := norms.Past(tx, w.At, parts)
	if err == nil {
		err = w.Among.Ready(n)
	}
	if err != nil {
		return err
	}
	for _, rule := range usual {
		if err := rule.Ready(n); err != nil {
			w.Left = append(w.Left, fmt.Sprintf("%s is left out: %s", rule.Text(), err))
			continue
		}
		w.Rules = append(w.Rules, rule)
	}
	w.norms = n
	return nil
}

func winbackReport(tx *store.Tx, ask Ask) (Table, error) {
	among, err := segments.Parse(WinbackAmong, ask.Scope)
	w := Winback{Among: among, At: ask.Day - WinbackSpan, Until: ask.Day}
	if err == nil {
		err = w.Usual(tx, ask.Scope)
	}
	if err != nil {
		return Table{}, err
	}
	r, err := w.Compare(tx)
	return r.Table(), err
}

// Table is the comparison as a table.
func (r WinbackResult) Table() Table {
	t := Table{Value: r, Head: []string{"RULE", "MAILS", "TO GONE", "NOT NEEDED", "PRECISION", "RECALL"}, Note: r.Words() +
		" Precision is the share of a rule's mails that would have gone to members who did not order again, recall the share of those members whom it found."}
	for _, left := range r.Left {
		t.Note += " The rule " + left + "."
	}
	for _, v := range r.Verdicts {
		t.Rows = append(t.Rows, row(v.Rule, v.Mails, v.Gone, v.Mails-v.Gone, percent(v.Precision), percent(v.Recall)))
	}
	return t
}

// Words are whom the question was about, and what became of them.
func (r WinbackResult) Words() string {
	return fmt.Sprintf("%s: %s as of %s; %s of them did not order again until %s.", r.Among, manyMembers(r.Members), r.At, loyalty.Count(r.Gone), r.Until)
}

func manyMembers(n int64) string {
	if n == 1 {
		return "1 member"
	}
	return loyalty.Count(n) + " members"
}

func drawWinback(ask Ask, value any) string { return ask.bars(value.(WinbackResult).bars()) }

// SVG draws whom each rule would mail, and how many of them did not order again.
func (r WinbackResult) SVG() string { return r.bars().SVG() }

func (r WinbackResult) bars() plot.Bars {
	b := plot.Bars{Title: "Whom rules would win back", Says: fmt.Sprintf("Of %s as of %s, how many each rule would mail, and how many of them did not order again until %s.", r.Among, r.At, r.Until)}
	for _, v := range r.Verdicts {
		b.Rows = append(b.Rows, plot.Bar{Label: v.Rule, Value: float64(v.Mails), Text: loyalty.Count(v.Mails) + ", " + percent(v.Precision) + " did not"})
	}
	return b
}

// Prepare is Audience.Prepare for the rules.
func (w Winback) Prepare(tx *store.Tx) error {
	return Prepare(tx, w.At, true, append([]*segments.Rule{w.Among}, w.Rules...)...)
}

// Compare asks all rules in one statement. The error may be a *segments.Unready.
func (w Winback) Compare(tx *store.Tx) (WinbackResult, error) {
	result := WinbackResult{At: w.At, Until: w.Until, Among: w.Among.Text(), Verdicts: []Verdict{}, Left: w.Left}
	rules := append([]*segments.Rule{w.Among}, w.Rules...)
	n := w.norms
	if n == nil {
		var err error
		if n, err = norms.For(tx, w.At, true, rules...); err != nil {
			return result, err
		}
	}
	args := store.Args{"day": int64(w.At), "until": int64(w.Until)}
	where := make([]string, len(rules))
	for i, r := range rules {
		condition, more := r.SQL(segments.Query{Engine: tx.Engine(), Day: w.At, Past: true, Norms: n, Prefix: fmt.Sprintf("w%d_", i)})
		where[i] = condition
		maps.Copy(args, more)
	}
	parts := make([]string, len(where))
	for i, condition := range where {
		parts[i] = fmt.Sprintf(`
		select %d as rule, count(*) as mails, count(*) filter (where not w.back) as gone from w where w.holds%[1]d`, i)
		where[i] = fmt.Sprintf("%s as holds%d", condition, i)
	}
	var rows []struct{ Rule, Mails, Gone int64 }
	err := tx.All(&rows, `
		with b as (select distinct o.member_id from orders o where o.counts and o.day > @day and o.day <= @until),
		     f as (`+segments.FactsSelect(tx.Engine(), "")+`),
		     w as (select b.member_id is not null as back, `+strings.Join(where, ",\n")+`
		           from   f left join b on b.member_id = f.member_id),
		     a as (select * from w where holds0)`+strings.ReplaceAll(strings.Join(parts, "\n\t\tunion all"), "from w where", "from a w where")+`
		order  by 1`, args)
	if err != nil {
		return result, err
	}
	for _, row := range rows {
		if row.Rule == 0 {
			result.Members, result.Gone = row.Mails, row.Gone
			continue
		}
		result.Verdicts = append(result.Verdicts, Verdict{Rule: w.Rules[row.Rule-1].Text(), Mails: row.Mails, Gone: row.Gone,
			Precision: ratio(row.Gone, row.Mails), Recall: ratio(row.Gone, result.Gone)})
	}
	return result, nil
}

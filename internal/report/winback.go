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
}

// SVG draws whom each rule would mail, and how many of them did not order again.
func (r WinbackResult) SVG() string {
	b := plot.Bars{Title: "Whom rules would win back", Says: fmt.Sprintf("Of %s as of %s, how many each rule would mail, and how many of them did not order again until %s.", r.Among, r.At, r.Until)}
	for _, v := range r.Verdicts {
		b.Rows = append(b.Rows, plot.Bar{Label: v.Rule, Value: float64(v.Mails), Text: fmt.Sprintf("%d, %s did not", v.Mails, percent(v.Precision))})
	}
	return b.SVG()
}

// Prepare is Audience.Prepare for the rules.
func (w Winback) Prepare(tx *store.Tx) error {
	return Prepare(tx, w.At, true, append([]*segments.Rule{w.Among}, w.Rules...)...)
}

// Compare asks all rules in one statement. The error may be a *segments.Unready.
func (w Winback) Compare(tx *store.Tx) (WinbackResult, error) {
	result := WinbackResult{At: w.At, Until: w.Until, Among: w.Among.Text(), Verdicts: []Verdict{}}
	rules := append([]*segments.Rule{w.Among}, w.Rules...)
	n, err := norms.For(tx, w.At, true, rules...)
	if err != nil {
		return result, err
	}
	args := store.Args{"day": int64(w.At), "until": int64(w.Until)}
	where := make([]string, len(rules))
	for i, r := range rules {
		condition, more := r.SQL(segments.Query{Engine: tx.Engine(), Day: w.At, Norms: n, Prefix: fmt.Sprintf("w%d_", i)})
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
	err = tx.All(&rows, `
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

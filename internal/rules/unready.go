package rules

import (
	"errors"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/program"
	"regulars/internal/store"
	"regulars/segments"
)

// NotReady says why one of the rules cannot be answered with these norms, "" if all can.
func NotReady(n *segments.Norms, rules ...*segments.Rule) string {
	for _, r := range rules {
		if err := r.Ready(n); err != nil {
			return err.Error()
		}
	}
	return ""
}

// Unanswered returns why one of the rules cannot be answered now, "" if all can;
// nil rules can.
func Unanswered(tx *store.Tx, day loyalty.Day, rules ...*segments.Rule) (string, error) {
	rules = slices.DeleteFunc(rules, func(r *segments.Rule) bool { return r == nil })
	_, err := norms.For(tx, day, false, rules...)
	var u *segments.Unready
	if errors.As(err, &u) {
		return u.Error(), nil
	}
	return "", err
}

// Count counts the members for whom all rules hold now; nil rules hold.
func Count(tx *store.Tx, p *program.Program, rules ...*segments.Rule) (n int64, err error) {
	q := Ask(tx, loyalty.DayOf(tx.At.Time, p.Zone), store.Args{})
	where := Present
	for _, r := range rules {
		where += " and " + q.Holds(r)
	}
	err = q.One(&n, "select count(*) from facts f join members m on m.id = f.member_id where "+where)
	return n, err
}

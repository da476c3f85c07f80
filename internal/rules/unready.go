package rules

import (
	"errors"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
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

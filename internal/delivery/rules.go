package delivery

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/segments"
)

// Reasons of a skip that rules give.
const (
	ruleLeft  = "rule_left" // left the segment, or came under "except"
	untilRule = "until"
)

// broken returns why the rules of their campaigns stop some of the sends, by id:
// one statement for all members of a campaign.
func broken(tx *store.Tx, sends []*send) (map[int64]string, error) {
	why := map[int64]string{}
	for _, group := range alike(sends) {
		if err := brokenAmong(tx, group, why); err != nil {
			return nil, fmt.Errorf("rules of campaign %s: %w", group[0].campaign, err)
		}
	}
	return why, nil
}

// brokenAmong asks for a group, or, where that fails, for each half of it. Those
// about whom the rules cannot be asked wait, and hold up nobody else.
func brokenAmong(tx *store.Tx, group []*send, why map[int64]string) error {
	found := map[int64]string{}
	err := tx.Try(func() error { return brokenIn(tx, group, found) })
	unready, undone := (*segments.Unready)(nil), (*store.Undone)(nil)
	switch {
	case err == nil:
		maps.Copy(why, found)
		return nil
	case errors.As(err, &unready):
		for _, s := range group {
			s.blind = true
		}
		return nil
	case !errors.As(err, &undone):
		return err
	case len(group) == 1:
		group[0].blind, group[0].failed = true, fmt.Errorf("its rules cannot be asked: %w", undone.Err)
		return nil
	}
	half := len(group) / 2
	if err := brokenAmong(tx, group[:half], why); err != nil {
		return err
	}
	return brokenAmong(tx, group[half:], why)
}

// alike groups the sends for which the same rules are asked with the same
// values. Those without rules are left out.
func alike(sends []*send) map[[2]int64][]*send {
	groups := map[[2]int64][]*send{}
	for _, s := range sends {
		if s.plan == nil || s.plan.rules.none() {
			continue
		}
		k := [2]int64{s.Version, s.Campaign}
		if s.Run != 0 || s.plan.rules.personal() {
			k = [2]int64{0, s.Occurrence}
		}
		groups[k] = append(groups[k], s)
	}
	return groups
}

// personal reports whether a rule reads what started the campaign or the codes
// that it gave.
func (r rules) personal() bool {
	for _, rule := range r.all() {
		for _, field := range rule.Reads() {
			root, _, dotted := strings.Cut(field, ".")
			if field == "unused" || dotted && (root == "launch" || root == "order" || root == "event") {
				return true
			}
		}
	}
	return false
}

func (r rules) all() []*segments.Rule { return slices.Concat(r.keep, r.stop, r.but) }

// brokenIn asks for a group, whose first send stands for all.
func brokenIn(tx *store.Tx, group []*send, why map[int64]string) error {
	first := group[0]
	q := segments.Query{Engine: tx.Engine(), Day: first.plan.today(tx.At), Members: "(select value from " + tx.JSONEach("@members") + ")",
		Occurrence: first.Occurrence, Launch: first.launch, Order: first.started.rule(), Event: first.started.happened()}
	members := make([]int64, len(group))
	for i, s := range group {
		members[i] = s.Member
	}
	n, err := norms.For(tx, q.Day, false, first.plan.rules.all()...)
	if err != nil {
		return err
	}
	q.Norms = n
	args := store.Args{"members": store.JSON(members)}
	var found []struct {
		MemberID int64
		Why      string
	}
	err = tx.All(&found, `
		select f.member_id, case `+first.plan.rules.sql(q, args)+` else '' end as why
		from   facts f
		where  f.member_id in `+q.Members, args)
	if err != nil {
		return err
	}
	answers := make(map[int64]string, len(found))
	for _, row := range found {
		answers[row.MemberID] = row.Why
	}
	for _, s := range group {
		answer, has := answers[s.Member]
		if !has && len(s.plan.rules.keep) > 0 {
			answer = ruleLeft // nobody in a segment is without facts
		}
		if answer != "" {
			why[s.Send] = answer
		}
	}
	return nil
}

// sql returns the branches of a case that names the reason, and adds the
// parameters to args.
func (r rules) sql(q segments.Query, args store.Args) string {
	var b strings.Builder
	branch := func(rule *segments.Rule, form, reason string) {
		q.Prefix = fmt.Sprintf("r%d_", len(args))
		where, more := rule.SQL(q)
		maps.Copy(args, more)
		fmt.Fprintf(&b, "when "+form+" then '%s'\n", where, reason)
	}
	for _, rule := range r.keep {
		branch(rule, "not (%s)", ruleLeft)
	}
	for _, rule := range r.but {
		branch(rule, "(%s)", ruleLeft)
	}
	for _, rule := range r.stop {
		branch(rule, "(%s)", untilRule)
	}
	return b.String()
}

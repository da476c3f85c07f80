// Package rules puts rules into statements over facts: one Question collects the
// conditions of a statement with their parameters, the norms that they are held
// against, and what they may read beside the member: the order, the event or the
// launch that started a campaign.
//
// It promises that a statement with a rule which cannot be answered yet does not run
// (Unready). What a rule means is the business of segments.
package rules

import (
	"errors"
	"maps"
	"strconv"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/segments"
)

// Question collects the rules of one statement over facts f, with their
// parameters, and what the rules may read beside the member.
type Question struct {
	Tx   *store.Tx
	Args store.Args
	As   segments.Query
	Past bool // the day is over: norms are computed as of then

	n   int
	err error // a rule cannot be answered: the statement must not run
}

// Ask begins a statement as of the shop's day. args are its other parameters.
func Ask(tx *store.Tx, day loyalty.Day, args store.Args) *Question {
	return &Question{Tx: tx, Args: args, As: segments.Query{Engine: tx.Engine(), Day: day}}
}

// Holds returns the condition that a rule holds; a rule that is not there does.
func (q *Question) Holds(r *segments.Rule) string {
	if r == nil {
		return "true"
	}
	if q.know(r); q.err != nil {
		return "false"
	}
	q.n++
	q.As.Prefix = "r" + strconv.Itoa(q.n) + "_"
	where, args := r.SQL(q.As)
	maps.Copy(q.Args, args)
	return "(" + where + ")"
}

// know has the norms at hand that a rule reads.
func (q *Question) know(r *segments.Rule) {
	if q.err != nil || r.Norms() == 0 {
		return
	}
	n, err := norms.For(q.Tx, q.As.Day, q.Past, r)
	q.As.Norms, q.err = n, err
}

// Unready reports whether err says that a rule cannot be answered yet.
func Unready(err error) bool {
	var u *segments.Unready
	return errors.As(err, &u)
}

// All runs the statement made of the conditions, as store.Tx does, unless one of its
// rules cannot be answered.
func (q *Question) All(dest any, text string) error {
	if q.err != nil {
		return q.err
	}
	return q.Tx.All(dest, text, q.Args)
}

// One is All for one row.
func (q *Question) One(dest any, text string) error {
	if q.err != nil {
		return q.err
	}
	return q.Tx.One(dest, text, q.Args)
}

// Exec is All for a statement that writes; it returns how many rows it touched.
func (q *Question) Exec(text string) (int64, error) {
	if q.err != nil {
		return 0, q.err
	}
	return q.Tx.Exec(text, q.Args)
}

// Pieces is All for more than there is room for, as store.Tx does it.
func (q *Question) Pieces(text string, n int, row func(scan func(into ...any) error) error, piece func() error) error {
	if q.err != nil {
		return q.err
	}
	return q.Tx.Pieces(text, q.Args, n, row, piece)
}

// Fails returns the condition that a rule does not hold; one that is not there
// does not.
func (q *Question) Fails(r *segments.Rule) string {
	if r == nil {
		return "true"
	}
	return "not " + q.Holds(r)
}

// Among binds a list of member ids and returns it as the right side of "in".
// Rules then look only at these members.
func (q *Question) Among(members []int64) string { return q.Amongst("members", members) }

// Amongst is Among for one of several lists of a statement.
func (q *Question) Amongst(name string, members []int64) string {
	q.Args[name] = store.IDs(members)
	q.As.Members = q.Tx.In("@" + name)
	return q.As.Members
}

// Present is the condition that a member m is somebody who may be mailed at all.
const Present = "m.erased_at is null and m.merged_into is null"

// FactsOf is the facts f and the rows m of some members, "in" what is given, as SQL. On
// Postgres each is looked up by its id, and nothing else of a rule may choose another
// way in: what a rule asks for looks rare in a table that was never analysed.
func FactsOf(tx *store.Tx, in string) string {
	if !tx.Postgres() {
		return "facts f join members m on m.id = f.member_id and f.member_id in " + in
	}
	return `(select distinct i.value as id from ` + in + ` i) i
		cross join lateral (select * from facts   where member_id = i.id offset 0) f
		cross join lateral (select * from members where id = i.id        offset 0) m`
}

// Whose returns those of some members for whom a rule holds.
func Whose(q *Question, members []int64, rule *segments.Rule) (map[int64]bool, error) {
	in := q.Among(members)
	var ids []int64
	err := q.All(&ids, "select f.member_id from "+FactsOf(q.Tx, in)+" where "+q.Holds(rule))
	if err != nil {
		return nil, err
	}
	found := make(map[int64]bool, len(ids))
	for _, id := range ids {
		found[id] = true
	}
	return found, nil
}

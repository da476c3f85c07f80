package campaign

import (
	"errors"
	"fmt"
	"maps"
	"strconv"

	"regulars/internal/loyalty"
	"regulars/internal/norms"
	"regulars/internal/store"
	"regulars/segments"
)

// question collects the rules of one statement over facts f, with their
// parameters, and what the rules may read beside the member.
type question struct {
	tx   *store.Tx
	args store.Args
	as   segments.Query
	n    int
	past bool  // the day is over: norms are computed as of then
	err  error // a rule cannot be answered: the statement must not run
}

// ask begins a statement as of the shop's day. args are its other parameters.
func ask(tx *store.Tx, day loyalty.Day, args store.Args) *question {
	return &question{tx: tx, args: args, as: segments.Query{Engine: tx.Engine(), Day: day}}
}

// holds returns the condition that a rule holds; a rule that is not there does.
func (q *question) holds(r *segments.Rule) string {
	if r == nil {
		return "true"
	}
	if q.know(r); q.err != nil {
		return "false"
	}
	q.n++
	q.as.Prefix = "r" + strconv.Itoa(q.n) + "_"
	where, args := r.SQL(q.as)
	maps.Copy(q.args, args)
	return "(" + where + ")"
}

// know has the norms at hand that a rule reads.
func (q *question) know(r *segments.Rule) {
	if q.err != nil || r.Norms() == 0 {
		return
	}
	n, err := norms.For(q.tx, q.as.Day, q.past, r)
	q.as.Norms, q.err = n, err
}

// unready reports whether err says that a rule cannot be answered yet.
func unready(err error) bool {
	var u *segments.Unready
	return errors.As(err, &u)
}

// all, one and exec run the statement made of the conditions, as those of
// store.Tx do, unless one of its rules cannot be answered.
func (q *question) all(dest any, text string) error {
	if q.err != nil {
		return q.err
	}
	return q.tx.All(dest, text, q.args)
}

func (q *question) one(dest any, text string) error {
	if q.err != nil {
		return q.err
	}
	return q.tx.One(dest, text, q.args)
}

func (q *question) exec(text string) (int64, error) {
	if q.err != nil {
		return 0, q.err
	}
	return q.tx.Exec(text, q.args)
}

// fails returns the condition that a rule does not hold; one that is not there
// does not.
func (q *question) fails(r *segments.Rule) string {
	if r == nil {
		return "true"
	}
	return "not " + q.holds(r)
}

// among binds a list of member ids and returns it as the right side of "in".
// Rules then look only at these members.
func (q *question) among(members []int64) string { return q.amongst("members", members) }

// amongst is among for one of several lists of a statement.
func (q *question) amongst(name string, members []int64) string {
	q.args[name] = array(members)
	q.as.Members = inList(q.tx, "@"+name)
	return q.as.Members
}

// array is a list of ids as a parameter for inList; nil is an empty one.
func array(ids []int64) string {
	if ids == nil {
		return "[]"
	}
	return store.JSON(ids)
}

// inList is a JSON parameter of numbers as the right side of "in".
func inList(tx *store.Tx, param string) string {
	return "(select value from " + tx.JSONEach(param) + ")"
}

// present is the condition that a member m is somebody who may be mailed at all.
const present = "m.erased_at is null and m.merged_into is null"

// heldOut is the condition that a member belongs to the holdout of a campaign.
func (c *Campaign) heldOut(member string) string {
	if c.Holdout == 0 {
		return "false"
	}
	return fmt.Sprintf("(%s < %d)", loyalty.BucketSQL(fmt.Sprintf("cast(%d as bigint)", c.ID), member), c.Holdout)
}

// whose returns those of some members for whom a rule holds.
func whose(q *question, members []int64, rule *segments.Rule) (map[int64]bool, error) {
	in := q.among(members)
	var ids []int64
	err := q.all(&ids, "select f.member_id from facts f join members m on m.id = f.member_id where f.member_id in "+in+" and "+q.holds(rule))
	if err != nil {
		return nil, err
	}
	found := make(map[int64]bool, len(ids))
	for _, id := range ids {
		found[id] = true
	}
	return found, nil
}

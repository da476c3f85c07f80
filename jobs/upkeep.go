package jobs

import (
	"context"

	"regulars/internal/engine"
	"regulars/internal/report"
	"regulars/internal/store"
)

// send.reap ends the leases that outlived their workers: what may have been on the wire
// becomes unknown, all else is due again. Put by the recovery pass.
var sendReap = work(engine.SendReap, Clock, 1)

// code.expire ends the codes whose last day is over. Put by the recovery pass until the
// day's is done.
var codeExpire = work(engine.CodeExpire, Nightly, 1)

// counts.fold adds up what was counted of mails since. Put by the recovery pass once it is
// much: readers see the same before and after.
var countsFold = work(engine.CountsFold, Clock, 1)

// data.retain throws away what was kept long enough, a bounded piece at a time. Put by
// the recovery pass until the day's is done.
var dataRetain = work(engine.DataRetain, Nightly, 1)

// claim.release gives back the points of rewards that a till has held for too long. Put
// by the recovery pass; a claim is released once, under its member's lock.
var claimRelease = work(engine.ClaimRelease, Clock, 1)

// upkeep is work for the console's pages alone, which no engine does: a rehearsal or a
// demo needs none of it.
type upkeep struct {
	task
	due func(*store.Tx) string // a SELECT with a row where something is to be done
	do  func(context.Context, *store.DB) (int, error)
}

// upkeeps are all of it.
var upkeeps = []upkeep{
	{work("names.fold", Clock, 1), func(*store.Tx) string { return report.NamesDue }, foldNames},
	{work("figures.count", Nightly, 1), report.FiguresDue, report.CountFigures}, // what each campaign of a large shop came to, now and then
}

func tasksOfUpkeep() (all []task) {
	for _, u := range upkeeps {
		all = append(all, u.task)
	}
	return all
}

// foldNames writes by what members are looked for whose names have changed, a bounded
// piece of them. Put by the recovery pass.
func foldNames(ctx context.Context, db *store.DB) (n int, err error) {
	err = db.Update(ctx, func(tx *store.Tx) error { n, err = report.FoldNames(tx); return err })
	return n, err
}

// dueUpkeep returns the upkeep that there is to do.
func dueUpkeep(tx *store.Tx) (due []engine.Work, err error) {
	query := ""
	for i, u := range upkeeps {
		if i > 0 {
			query += " union all "
		}
		query += "select '" + u.name + "' as kind, 0 as id where exists (" + u.due(tx) + ")"
	}
	return due, tx.All(&due, query, nil)
}

// upkeepOf returns what does a kind of upkeep; nil: it is none.
func upkeepOf(name string) func(context.Context, *store.DB) (int, error) {
	for _, u := range upkeeps {
		if u.name == name {
			return u.do
		}
	}
	return nil
}

package importer

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// So many rows of history are taken in as one transaction, or in two side by side, and so
// many of news as one: each of these may start campaigns, and others wait for the people
// whom it locks.
const (
	batchRows = 5000
	newsRows  = 200
)

// atOnce is in how many lanes Postgres takes orders: while one waits for its server,
// another computes.
const atOnce = 2

// lane takes in batches of its own, one after the other, while other lanes take in theirs:
// none waits for another. Rows that name the same person or order are in one lane as long
// as one of them waits or is being taken in, so they come in the sequence of the file.
type lane struct {
	n      int
	next   *batch // rows to be taken in next
	taking *batch // those that are being taken in; nil: none
}

// batch are rows that are taken in together: history as one transaction, news as live
// events in some more.
type batch struct {
	history, news []*intake.Row
	lines         int  // of the file
	grown         bool // the tables have grown by much since the planner looked at them
	failed        error
}

// openLanes makes as many lanes as the file is taken in by. Of people, a batch has to know
// who came in those before it.
func (r *reader) openLanes() {
	n := 1
	if r.Kind == "orders" && !r.DryRun && r.db.Engine() == store.Postgres {
		n = atOnce
	}
	r.apart, r.taken = intake.NewLanes(n), make(chan *lane, n)
	for i := range n {
		r.lanes = append(r.lanes, &lane{n: i, next: &batch{}})
	}
}

// add puts a row among those to be taken in next, says its notes, and takes in what
// has gathered when that is enough. lines are those of the file that it stands in.
func (r *reader) add(ctx context.Context, row *intake.Row, at loyalty.Instant, lines []int) error {
	for _, n := range row.Notes {
		line, field := cmp.Or(n.Line, row.Line), fieldOf(n.Field)
		if found := ofLine.FindStringSubmatch(n.Field); found != nil {
			nth, _ := strconv.Atoi(found[1])
			if field = found[2]; nth < len(lines) {
				line = lines[nth]
			}
		}
		if r.shop.Attributes[field] != 0 && r.cols.has("attributes."+field) {
			field = "attributes." + field
		}
		r.tally.Noted++
		if r.Noted != nil {
			r.Noted(loyalty.Note{Line: line, Field: r.cols.name(field), Reason: n.Reason})
		}
	}
	l, err := r.laneOf(ctx, row)
	if err != nil {
		return err
	}
	if r.News && !at.IsZero() && r.db.Now().Sub(at.Time) <= r.shop.NewsWithin {
		l.next.news = append(l.next.news, row)
	} else {
		l.next.history = append(l.next.history, row)
	}
	r.of[row] = lines
	l.next.lines, r.waiting = l.next.lines+len(lines), r.waiting+len(lines)
	return r.goOn(ctx, l)
}

// laneOf is the lane of a row. Where what it names is in several, it is taken in after all
// that came before.
func (r *reader) laneOf(ctx context.Context, row *intake.Row) (*lane, error) {
	n, one := r.apart.Hold(row)
	if !one {
		if err := r.flush(ctx); err != nil {
			return nil, err
		}
		if err := r.settle(ctx); err != nil {
			return nil, err
		}
		n, _ = r.apart.Hold(row)
	}
	return r.lanes[n], nil
}

// goOn has what waits in a lane taken in when that is enough, while the reader goes on with
// the rows after it: until a batch of them waits, then for a lane.
func (r *reader) goOn(ctx context.Context, l *lane) error {
	switch {
	case !r.enough(l):
		return nil
	case l.taking == nil:
		r.begin(ctx, l)
	}
	for r.waiting >= batchRows {
		if err := r.finish(ctx, <-r.taken); err != nil {
			return err
		}
	}
	select {
	case done := <-r.taken:
		return r.finish(ctx, done)
	default:
		return nil
	}
}

// enough reports whether so much waits in a lane, or in all of them, that it is taken in.
func (r *reader) enough(l *lane) bool {
	return l.next.lines >= batchRows/len(r.lanes) || r.waiting >= batchRows && l.next.lines > 0
}

// flush has all that waits taken in.
func (r *reader) flush(ctx context.Context) error {
	for {
		for _, l := range r.lanes {
			if l.taking == nil {
				r.begin(ctx, l)
			}
		}
		if r.waiting == 0 {
			return nil
		}
		if err := r.finish(ctx, <-r.taken); err != nil {
			return err
		}
	}
}

// begin has what waits in a lane taken in. What has begun is brought to its end, whatever
// becomes of ctx: a batch is taken as a whole.
func (r *reader) begin(ctx context.Context, l *lane) {
	if l.next.lines == 0 {
		return
	}
	b := l.next
	l.taking, l.next, r.waiting = b, &batch{}, r.waiting-b.lines
	if n := r.believed + r.tally.Read; n >= r.measured*4 {
		b.grown, r.measured = true, n
	}
	go func() {
		b.failed = r.take(context.WithoutCancel(ctx), b)
		r.taken <- l
	}()
}

// finish counts what became of the batch of a lane, which is done. What became of orders is
// counted while those after them are taken in.
func (r *reader) finish(ctx context.Context, l *lane) error {
	b := r.free(l)
	meanwhile := b.failed == nil && r.Kind == "orders"
	if meanwhile && r.enough(l) {
		r.begin(ctx, l)
	}
	if err := r.count(ctx, b); err != nil {
		return err
	}
	if !meanwhile && r.enough(l) {
		r.begin(ctx, l)
	}
	return nil
}

func (r *reader) take(ctx context.Context, b *batch) error {
	// Of a dry run, what the planner has seen is undone, too.
	how := intake.Taking{DryRun: r.DryRun, Grown: b.grown || r.DryRun, Stood: r.lines.line}
	if len(b.history) > 0 {
		if err := r.intake.Take(ctx, b.history, how); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(b.news, newsRows) {
		if err := r.intake.Take(ctx, some, intake.Taking{News: true, DryRun: r.DryRun}); err != nil {
			return err
		}
	}
	return nil
}

// free has a lane that is done rest, and returns its batch.
func (r *reader) free(l *lane) *batch {
	b := l.taking
	l.taking = nil
	r.apart.LetGo(l.n, b.history)
	r.apart.LetGo(l.n, b.news)
	return b
}

// settle waits for the rows that are being taken in, and counts what became of them.
func (r *reader) settle(ctx context.Context) (err error) {
	for slices.ContainsFunc(r.lanes, func(l *lane) bool { return l.taking != nil }) {
		err = errors.Join(err, r.count(ctx, r.free(<-r.taken)))
	}
	return err
}

// count counts what became of the rows of a batch, which may have failed.
func (r *reader) count(ctx context.Context, b *batch) error {
	rows := slices.Concat(b.history, b.news)
	for _, row := range rows {
		if row.Result.State == "" { // the error came before
			continue
		}
		r.show(row)
		switch row.Result.State {
		case intake.Stored:
			r.tally.New++
		case intake.Updated:
			r.tally.Updated++
		case intake.Duplicate:
			r.tally.Unchanged++
		case intake.Refused:
			for _, line := range r.of[row] {
				if err := r.refuseKept(line, loyalty.Note{Field: row.Result.Field, Reason: row.Result.Reason}); err != nil {
					return err
				}
			}
		}
		if changed := row.Result.State == intake.Stored || row.Result.State == intake.Updated; changed && row.Result.Past {
			r.past.set(row.Result.Member, row.Line)
		}
		if row.Result.State != intake.Refused && row.Order == nil {
			r.lines.set(row.Result.Member, row.Line)
		}
		for _, line := range r.of[row] {
			delete(r.kept, line)
		}
		delete(r.of, row)
	}
	if b.failed != nil {
		return b.failed
	}
	return r.suppressThem(context.WithoutCancel(ctx), rows)
}

package importer

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// One transaction takes so many rows of history, and so many of news: each of these
// may start campaigns, and others wait for the people whom it locks.
const (
	batchRows = 5000
	newsRows  = 200
)

// atOnce is in how many transactions side by side Postgres takes orders of history: while
// one waits for its server, another computes.
const atOnce = 2

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
	if r.News && !at.IsZero() && r.db.Now().Sub(at.Time) <= r.shop.NewsWithin {
		r.next.news = append(r.next.news, row)
	} else {
		r.next.history = append(r.next.history, row)
	}
	r.of[row] = lines
	if r.rows += len(lines); r.rows < batchRows {
		return nil
	}
	return r.flush(ctx)
}

// batch are rows that are taken in together: history as one transaction, news as live
// events in some more.
type batch struct {
	history, news []*intake.Row
	grown         bool // the tables have grown by much since the planner looked at them
	taken         chan error
}

// flush has the rows gathered until now taken in, while the reader goes on with those
// after them. What has begun is brought to its end, whatever becomes of ctx: a batch is
// taken as a whole. What became of orders before them is counted meanwhile; of people, a
// batch has to know who came in those before it.
func (r *reader) flush(ctx context.Context) error {
	b, before := r.next, r.taking
	r.next, r.taking, r.rows = &batch{}, nil, 0
	failed := before.wait()
	meanwhile := failed == nil && r.Kind == "orders"
	if meanwhile {
		r.begin(ctx, b)
	}
	if err := r.count(ctx, before, failed); err != nil || meanwhile {
		return err
	}
	r.begin(ctx, b)
	return nil
}

// begin has a batch taken in.
func (r *reader) begin(ctx context.Context, b *batch) {
	if len(b.history)+len(b.news) == 0 {
		return
	}
	if n := r.believed + r.tally.Read; n >= r.measured*4 {
		b.grown, r.measured = true, n
	}
	b.taken = make(chan error, 1)
	r.taking = b
	go func() { b.taken <- r.take(context.WithoutCancel(ctx), b) }()
}

// wait waits until a batch was taken in; none is.
func (b *batch) wait() error {
	if b == nil {
		return nil
	}
	return <-b.taken
}

func (r *reader) take(ctx context.Context, b *batch) error {
	// Of a dry run, what the planner has seen is undone, too.
	how := intake.Taking{DryRun: r.DryRun, Grown: b.grown || r.DryRun, Stood: r.lines.line}
	parts := [][]*intake.Row{b.history}
	if r.Kind == "orders" && !how.Grown && r.db.Engine() == store.Postgres {
		parts = intake.Apart(b.history, atOnce)
	}
	var taken errgroup.Group
	for _, rows := range parts {
		if len(rows) > 0 {
			taken.Go(func() error { return r.intake.Take(ctx, rows, how) })
		}
	}
	if err := taken.Wait(); err != nil {
		return err
	}
	for some := range slices.Chunk(b.news, newsRows) {
		if err := r.intake.Take(ctx, some, intake.Taking{News: true, DryRun: r.DryRun}); err != nil {
			return err
		}
	}
	return nil
}

// settle waits for the rows that are being taken in, and counts what became of them.
func (r *reader) settle(ctx context.Context) error {
	b := r.taking
	r.taking = nil
	return r.count(ctx, b, b.wait())
}

// count counts what became of the rows of a batch, which may have failed.
func (r *reader) count(ctx context.Context, b *batch, failed error) error {
	if b == nil {
		return nil
	}
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
	if failed != nil {
		return failed
	}
	return r.suppressThem(context.WithoutCancel(ctx), rows)
}

package jobs

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Journal writes refusals, suppressions and the codes from stock that were given down
// outside the database, in a file that only grows and that only we can read, so that
// they hold after a restore: `regulars import suppressions FILE` takes them in again. Where it has come to is read from the
// file itself.
type Journal struct {
	DB   *store.DB
	File string
	Log  *slog.Logger

	last  int64           // the last refusal's row that was looked at
	since loyalty.Instant // suppressions before it are written
	seen  map[string]bool // rows of late, so that none is written twice

	given      map[int64]int64 // codes of late: row → when it was given, microseconds
	givenSince loyalty.Instant // codes given before it are written

	mu      sync.Mutex
	trouble string
}

const (
	journalEvery = 5 * time.Second
	// overlap is how far the journal looks back for what was committed late.
	overlap     = 1000
	overlapTime = 5 * time.Minute
	atOnce      = 5000
)

// Run writes until ctx ends, and once more then.
func (j *Journal) Run(ctx context.Context) error {
	tick := time.NewTicker(journalEvery)
	defer tick.Stop()
	j.heard(j.open())
	for {
		j.heard(j.pass(ctx))
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			j.heard(j.pass(end))
			return nil
		case <-tick.C:
		}
	}
}

// heard keeps what is wrong with the journal, and tells of a change.
func (j *Journal) heard(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	words := ""
	var file *os.PathError
	if errors.As(err, &file) {
		words = "refusals and given codes cannot be written down outside the database: " + err.Error()
	}
	if words != "" && j.trouble == "" {
		j.Log.Error(words)
	}
	j.trouble = words
}

// Sense says when the journal cannot be written.
func (j *Journal) Sense(context.Context) []store.Trouble {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.trouble == "" {
		return nil
	}
	return []store.Trouble{{Kind: "record", What: j.trouble, Do: "let SUPPRESSION_LOG name a file in a folder that this process may write to, on another disk than the database's"}}
}

// open reads from the end of the file where it has come to.
func (j *Journal) open() error {
	j.seen, j.given = map[string]bool{}, map[int64]int64{}
	f, err := os.Open(j.File)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.Seek(max(0, info.Size()-1<<20), io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields, err := csv.NewReader(strings.NewReader(lines.Text())).Read()
		if err != nil {
			continue // cut off, by us or by a crash
		}
		if g, ok := coupon.GivenFrom(fields); ok {
			j.given[g.ID] = g.At.UnixMicro()
			if g.At.After(j.givenSince.Time) {
				j.givenSince = g.At
			}
			continue
		}
		n, err := consent.NoFrom(fields)
		if err != nil {
			continue
		}
		j.seen[lines.Text()] = true
		j.last = max(j.last, n.ID)
		if n.Recorded.After(j.since.Time) {
			j.since = n.Recorded
		}
	}
	return lines.Err()
}

// pass appends what has come since.
func (j *Journal) pass(ctx context.Context) error {
	if err := j.passNoes(ctx); err != nil {
		return err
	}
	return j.passCodes(ctx)
}

// passCodes appends the codes from stock that were given since, each once for each time
// that it was given.
func (j *Journal) passCodes(ctx context.Context) error {
	since := loyalty.At(time.Unix(0, 0))
	if !j.givenSince.IsZero() {
		since = j.givenSince.Plus(-overlapTime)
	}
	var all []coupon.Giving
	err := j.DB.View(ctx, func(tx *store.Tx) (err error) {
		all, err = coupon.GivenSince(tx, since)
		return err
	})
	if err != nil {
		return err
	}
	window := make(map[int64]int64, len(all)) // what the next pass may meet again
	var fresh []int64
	for _, g := range all {
		if window[g.ID] = g.At.UnixMicro(); j.given[g.ID] != window[g.ID] {
			fresh = append(fresh, g.ID)
		}
	}
	for ids := range slices.Chunk(fresh, atOnce) {
		var given []coupon.Given
		err := j.DB.Update(ctx, func(tx *store.Tx) (err error) {
			given, err = coupon.Record(tx, ids)
			return err
		})
		if err != nil {
			return err
		}
		var lines []string
		for _, g := range given {
			line, err := lineOf(g.Fields())
			if err != nil {
				return err
			}
			lines = append(lines, line)
		}
		if err := j.write(lines); err != nil {
			return err
		}
	}
	if j.given = window; len(all) > 0 {
		j.givenSince = all[len(all)-1].At
	}
	return nil
}

// passNoes appends the refusals and suppressions that have come since.
func (j *Journal) passNoes(ctx context.Context) error {
	for {
		var all []consent.No
		var last int64
		after, since := j.last-overlap, loyalty.At(time.Unix(0, 0))
		if !j.since.IsZero() {
			since = j.since.Plus(-overlapTime)
		}
		err := j.DB.View(ctx, func(tx *store.Tx) (err error) {
			all, last, err = consent.Noes(tx, after, since, atOnce)
			return err
		})
		if err != nil {
			return err
		}
		if last < j.last { // the database went back
			j.last, j.since = last, loyalty.Instant{}
			continue
		}
		wrote, err := j.append(all)
		if err != nil {
			return err
		}
		most := after
		for _, n := range all {
			most = max(most, n.ID)
			if n.ID == 0 && n.Recorded.After(j.since.Time) {
				j.since = n.Recorded
			}
		}
		if j.last = max(j.last, most); len(all) < atOnce {
			j.last = last
		}
		if wrote == 0 {
			return nil
		}
	}
}

// append writes the rows that are not there yet, and returns how many.
func (j *Journal) append(all []consent.No) (wrote int, err error) {
	var lines []string
	window := make(map[string]bool, len(all)) // what the next pass may meet again
	for _, n := range all {
		line, err := lineOf(n.Fields())
		if err != nil {
			return 0, err
		}
		if window[line] = true; !j.seen[line] {
			lines = append(lines, line)
		}
	}
	if err := j.write(lines); err != nil {
		return 0, err
	}
	j.seen = window
	return len(lines), nil
}

// lineOf is a row as it stands in the file.
func lineOf(fields []string) (string, error) {
	var text strings.Builder
	w := csv.NewWriter(&text)
	if err := w.Write(fields); err != nil {
		return "", err
	}
	w.Flush()
	return strings.TrimSuffix(text.String(), "\n"), w.Error()
}

// write appends lines to the file.
func (j *Journal) write(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	f, err := os.OpenFile(j.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	body := strings.Join(lines, "\n") + "\n"
	if info.Size() == 0 {
		body = strings.Join(consent.NoColumns, ",") + "\n" + body
	} else if !endsLine(j.File, info.Size()) {
		body = "\n" + body
	}
	if _, err := f.WriteString(body); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("the record of refusals and codes: %w", err)
	}
	return nil
}

// endsLine reports whether a file's last line is whole: a crash may have cut it.
func endsLine(name string, size int64) bool {
	f, err := os.Open(name)
	if err != nil {
		return true
	}
	defer f.Close()
	var last [1]byte
	_, err = f.ReadAt(last[:], size-1)
	return err != nil || last[0] == '\n'
}

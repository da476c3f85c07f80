package runs

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// rollout is how the mails of a run are let go: a pilot first, the others in
// waves. Without either they all go at once. Each zone of a campaign by members'
// clocks is a run, with a pilot and waves of its own.
type rollout struct {
	c     *versions.Campaign
	quiet loyalty.QuietHours
	zone  *time.Location // of the run: quiet hours are those of its clocks
}

func rolloutFor(v *versions.Version, c *versions.Campaign, zone string) rollout {
	r := rollout{c: c, quiet: v.Program.Quiet, zone: v.Zones.Of(zone)}
	if c.Quiet != nil {
		r.quiet = *c.Quiet
	}
	return r
}

// atOnce reports whether everything goes at once.
func (r rollout) atOnce() bool { return r.c.Pilot == nil && r.c.Waves == nil }

// part is some of a run's mails and the moment before which they do not go.
type part struct {
	mails int64
	at    loyalty.Instant
	pilot bool
}

// mostWaves bounds what one run may be cut into: smaller waves are made larger.
const mostWaves = 1000

// parts says which mails go when, from a moment on: the pilot, unless it is out,
// and the waves. What waits for a person is not among them.
func (r rollout) parts(mails int64, from loyalty.Instant, pilot bool) (parts []part) {
	if r.atOnce() {
		return []part{{mails: mails, at: from}}
	}
	at := r.awake(from)
	if p := r.c.Pilot; p != nil && pilot {
		first := min(mails, int64(p.Size))
		parts = append(parts, part{mails: first, at: at, pilot: true})
		if mails -= first; p.After == 0 {
			return parts
		}
		at = r.awake(at.Plus(p.After))
	}
	for size := r.wave(mails); mails > 0; mails -= size {
		parts = append(parts, part{mails: min(size, mails), at: at})
		at = r.afterWave(at)
	}
	return parts
}

// wave is how many mails a wave has when that many go in waves.
func (r rollout) wave(mails int64) int64 {
	w := r.c.Waves
	if w == nil {
		return max(1, mails)
	}
	size := int64(w.Size)
	if size == 0 {
		size = (mails*int64(w.Permille) + 999) / 1000
	}
	return max(1, size, (mails+mostWaves-1)/mostWaves)
}

// awake is a moment, or the end of the quiet hours that it falls into. A wave
// that they shift shifts those after it, so that they do not pile up in the morning.
func (r rollout) awake(at loyalty.Instant) loyalty.Instant {
	return loyalty.At(r.quiet.Next(at.In(r.zone)))
}

func (r rollout) afterWave(at loyalty.Instant) loyalty.Instant {
	if r.c.Waves == nil {
		return at
	}
	return r.awake(at.Plus(r.c.Waves.Every))
}

// runLasts is how long the mails of a run that are no offers may take.
const runLasts = 5 * 24 * time.Hour

// ends is how long a run may take of which the last mails go at a moment.
func (r rollout) ends(last loyalty.Instant) loyalty.Instant {
	if end := r.c.Expires(last); !end.IsZero() {
		return end
	}
	return last.Plus(runLasts)
}

// cut is how far a run is cut into chunks: the last send of the last one, and how
// many there are. Queued mails beyond wait for a person.
type cut struct {
	Hi, Chunks int64
	Waiting    bool
}

func cutOf(tx *store.Tx, run int64) (c cut, err error) {
	err = tx.One(&c, `
		select k.hi, k.chunks, exists (select 1 from sends s where s.run_id = @run and s.id > k.hi and s.state = 'queued') as waiting
		from  (select coalesce(max(hi), 0) as hi, count(*) as chunks from chunks where run_id = @run) k`, store.Args{"run": run})
	return c, err
}

// everything is beyond the last send of any run.
const everything = math.MaxInt64

// upTo is the last send that may be on its way.
func (c cut) upTo() int64 {
	if c.Waiting {
		return c.Hi
	}
	return everything
}

// cutChunks cuts mails of a run with a pilot or waves that are not cut yet into chunks that
// workers claim, from a moment on, and moves the run's end to that of the last of them. Each wave
// has its own end, so that none is late because it came after another.
func (r rollout) cutChunks(tx *store.Tx, run int64, from loyalty.Instant, pilot bool) error {
	done, err := cutOf(tx, run)
	if err != nil || !done.Waiting {
		return err
	}
	var mails int64
	err = tx.One(&mails, "select count(*) from sends where run_id = @run and id > @hi and state = 'queued'", store.Args{"run": run, "hi": done.Hi})
	if err != nil {
		return err
	}
	parts := r.parts(mails, from, pilot)
	for _, p := range parts {
		before, err := cutOf(tx, run)
		if err != nil {
			return err
		}
		if err := cutChunks(tx, run, p); err != nil {
			return err
		}
		if err := r.expire(tx, run, before.Hi, everything, p.at); err != nil {
			return err
		}
	}
	return setEnd(tx, run, r.ends(parts[len(parts)-1].at))
}

// pilotChunk is how many mails a chunk of a pilot holds.
const pilotChunk = 2000

// chunkOf is how many mails a chunk holds of some that go at once. A worker that is
// killed keeps its chunk until the lease is over, and the rest goes on meanwhile: so
// there are about a hundred, unless that makes them too small or too large to be worth it.
func chunkOf(mails int64) int64 { return min(max(mails/100, 100), 2000) }

// cutWhole cuts a run of so many mails that all go at once into slices that workers claim:
// by ids, of which its mails have most between two, without reading who is among them.
func cutWhole(tx *store.Tx, run, mails, first, last int64, at loyalty.Instant) error {
	var chunks [][]any
	for lo, size := first, chunkOf(mails); lo <= last; lo += size {
		chunks = append(chunks, []any{run, int64(len(chunks)), lo, min(lo+size-1, last), lo, at})
	}
	_, err := tx.Bulk("chunks", []string{"run_id", "n", "lo", "hi", "next_id", "not_before"}, chunks)
	return err
}

// cutChunks cuts the next queued mails of a run into slices that workers claim.
func cutChunks(tx *store.Tx, run int64, p part) error {
	size := int64(pilotChunk)
	if !p.pilot {
		size = chunkOf(p.mails)
	}
	// Of each slice only the first and the last go on to be grouped.
	_, err := tx.Exec(`
		insert into chunks (run_id, n, lo, hi, next_id, not_before)
		select cast(@run as bigint), s.chunks + s.n, min(s.id), max(s.id), min(s.id), `+tx.Instant("@at")+`
		from  (select p.id, p.chunks, (p.place - 1) / @size as n
		       from  (select w.id, w.chunks, row_number() over (order by w.id) as place, lead(w.id) over (order by w.id) is null as last
		              from  (select s.id, k.chunks
		                     from   sends s,
		                           (select coalesce(max(hi), 0) as hi, count(*) as chunks from chunks where run_id = @run) k
		                     where  s.run_id = @run and s.state = 'queued' and s.id > k.hi
		                     order  by s.id
		                     limit  @mails) w) p
		       where  (p.place - 1) % @size = 0 or p.place % @size = 0 or p.last) s
		group  by s.chunks, s.n
		order  by s.n`, store.Args{"run": run, "at": p.at, "size": size, "mails": p.mails})
	return err
}

// expire gives mails after one send up to another the end of those that go at a
// moment. Those still to be cut get theirs after.
func (r rollout) expire(tx *store.Tx, run, after, upTo int64, at loyalty.Instant) error {
	end := r.c.Expires(at)
	if end.IsZero() {
		return nil
	}
	_, err := tx.Exec(`
		update sends set expires_at = @end
		where  run_id = @run and id > @after and id <= @to and state in ('queued', 'deferred')
		and    id <= (select max(hi) from chunks where run_id = @run)`,
		store.Args{"run": run, "after": after, "to": upTo, "end": end})
	return err
}

func setEnd(tx *store.Tx, run int64, end loyalty.Instant) error {
	_, err := tx.Exec("update runs set expires_at = @end where id = @run", store.Args{"run": run, "end": end})
	return err
}

// goOn lets a paused run go on: with what waits for a person, when the pilot is
// out, or else with the waves that are left, of which those that have been missed
// do not go all at once.
func (r rollout) goOn(tx *store.Tx, run int64) error {
	if r.atOnce() {
		return setEnd(tx, run, r.ends(tx.At))
	}
	c, err := cutOf(tx, run)
	if err != nil {
		return err
	}
	pending, err := anyPending(tx, run, c.upTo())
	if err != nil {
		return err
	}
	if c.Waiting && !pending {
		return r.cutChunks(tx, run, tx.At, false)
	}
	return r.shift(tx, run)
}

// shift moves the waves that are left: the first is due now at the earliest, and
// those after it keep their distance.
func (r rollout) shift(tx *store.Tx, run int64) error {
	var open []struct {
		N, NextID, Hi int64
		NotBefore     loyalty.Instant
	}
	err := tx.All(&open, "select n, next_id, hi, not_before from chunks where run_id = @run and not done order by n", store.Args{"run": run})
	if err != nil {
		return err
	}
	at, before := r.awake(tx.At), int64(0)
	for i, k := range open {
		if i > 0 && k.NotBefore.After(open[i-1].NotBefore.Time) {
			at = r.next(at, open[i-1].N)
		}
		if k.NotBefore.After(at.Time) {
			at = k.NotBefore
		}
		if _, err := tx.Exec("update chunks set not_before = @at where run_id = @run and n = @n", store.Args{"at": at, "run": run, "n": k.N}); err != nil {
			return err
		}
		if err := r.expire(tx, run, before, k.Hi, at); err != nil {
			return err
		}
		before = k.Hi
	}
	if err := r.expire(tx, run, before, everything, tx.At); err != nil { // what was deferred
		return err
	}
	return setEnd(tx, run, r.ends(at))
}

// next is when the part goes that follows the one with a chunk.
func (r rollout) next(at loyalty.Instant, chunk int64) loyalty.Instant {
	if p := r.c.Pilot; p != nil && chunk < int64(p.Size+pilotChunk-1)/pilotChunk {
		return r.awake(at.Plus(p.After))
	}
	return r.afterWave(at)
}

// awaitPerson pauses a run whose pilot is out.
func awaitPerson(tx *store.Tx, run int64) error {
	var out int64
	err := tx.One(&out, "select count(*) from sends where run_id = @run and handed_at is not null", store.Args{"run": run})
	if err != nil {
		return err
	}
	_, err = tx.Exec("update runs set state = 'paused', because = @because where id = @run", store.Args{"run": run,
		"because": fmt.Sprintf("the pilot of %d is out: look at it, then `regulars runs resume %d` lets the rest go", out, run)})
	return err
}

// order is the order in which the members of an audience stand in the ledger, and
// so get their mail. Where a pilot or waves make a difference between them it has
// nothing to do with their ids: the first to join are not always the first to try.
func (r rollout) order() string {
	if r.atOnce() {
		return "a.member_id"
	}
	return loyalty.ShuffleSQL("cast(@occurrence as bigint)", "a.member_id") + ", a.member_id"
}

// rolloutOf is how a run goes on: as its version says, or the one in force where
// that has lost the campaign.
func rolloutOf(tx *store.Tx, run int64, v *versions.Version, c *versions.Campaign) (rollout, error) {
	var row struct {
		VersionID int64
		Key       string
	}
	err := tx.One(&row, "select r.version_id, o.key from runs r join occurrences o on o.id = r.occurrence_id where r.id = @run", store.Args{"run": run})
	if err != nil {
		return rollout{}, err
	}
	zone := ""
	if c.Start.ByMember {
		_, zone, _ = strings.Cut(row.Key, " ")
	}
	if row.VersionID != v.ID {
		old, err := versions.Of(tx, row.VersionID)
		if err != nil {
			return rollout{}, err
		}
		if was := old.ByID(c.ID); was != nil {
			return rolloutFor(old, was, zone), nil
		}
	}
	return rolloutFor(v, c, zone), nil
}

// anyPending reports whether a mail of the run, up to a send, may still change. The
// narrow tables are asked first: the ledger itself only once they know of nothing.
func anyPending(tx *store.Tx, run, upTo int64) (bool, error) {
	for _, q := range []string{
		"select 1 from chunks where run_id = @run and not done",
		"select 1 from batches where run_id = @run",
		"select 1 from due d join sends s on s.id = d.send_id where s.run_id = @run",
		"select 1 from sends where run_id = @run and id <= @to and state in ('queued', 'claimed', 'handing', 'deferred')",
	} {
		var one int
		err := tx.One(&one, q+" limit 1", store.Args{"run": run, "to": upTo})
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return false, err
		}
	}
	return false, nil
}

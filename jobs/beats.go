package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/store"
)

// Beats notice that the database is older than what was done with it: restored from
// a copy, while the mails of the time since are out. Every few seconds the beat in the
// database rises and is then noted outside it, in Redis and in a file. What was noted
// is read before the beat rises, so that as long as the database only goes forward the
// new beat is always the higher one. Where it is not, everything is held until a
// person has looked.
//
// A note is of an installation and of the place of its database. A clone lies in a
// place of its own, so it neither takes the original's note for its own nor writes
// over it. A database without a note of its place that is behind the note of another
// place is a clone if work goes on there, and otherwise a copy restored elsewhere.
//
// A note that cannot be read may say anything. Until it can, bulk mails and offers
// wait and the beat does not rise, unless the note that can be read is as far as the
// database: whoever wrote it was at work with it last. After unsureFor the note counts
// as lost, or a Redis that is gone for good would stop every campaign for good.
//
// With nothing noted outside, a database that has been silent for long and has work
// due is taken for a copy too: better a question than a second mail to everybody.
type Beats struct {
	DB    *store.DB
	Redis *Redis // nil: none that outlives this process
	File  string // {id} in it stands for the installation; "": none
	Log   *slog.Logger

	id, place string // of the installation, several of which may share a Redis, and of its database
	mine      string // the file of the database's place
	first     store.Beat
	sure      bool  // what was noted before this process is known
	looks     int   // how often it was looked for
	raised    noted // what this process raised the beat to last
	elsewhere noted // of another place, when it was looked for first
}

const (
	beatEvery = 5 * time.Second
	// longSilence is after which a database of which nothing is noted outside is not
	// trusted to be the one that was at work last.
	longSilence = time.Hour
	// unsureFor is for how long a note that cannot be read is waited for.
	unsureFor = 15 * time.Minute
	// near is how far a note may be behind the database and still be the last word:
	// several replicas note, and a stop comes between a beat and its note.
	near = 20
	// still is how often another place is looked at before nobody is at work there.
	still = 4
)

// noted is a beat that is kept outside the database.
type noted struct {
	N  int64
	At string
}

// outside is what is noted for an installation.
type outside struct {
	here, elsewhere noted // of the database's place, and the highest of other places
	unread          error // a place where it may be noted cannot be read
}

// Start compares the database with what was noted outside. It is to be called before
// any work is begun.
func (b *Beats) Start(ctx context.Context) error {
	err := b.DB.Update(ctx, func(tx *store.Tx) error {
		pepper, err := consent.Pepper(tx)
		if err != nil {
			return err
		}
		place, schema := b.DB.Place(), ""
		if file := b.DB.File(); file != "" {
			if place, err = filepath.Abs(file); err != nil {
				return err
			}
		}
		if tx.Postgres() {
			if err := tx.One(&schema, "select current_schema()", nil); err != nil {
				return err
			}
		}
		hash := func(what string) string {
			sum := sha256.Sum256(append([]byte("beat "+what), pepper...))
			return hex.EncodeToString(sum[:8])
		}
		b.id, b.place = hash(""), hash(place+"\x00"+schema)
		b.first, err = store.LastBeat(tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading how far the database has come: %w", err)
	}
	anywhere := strings.Contains(b.File, "{id}")
	if b.File = strings.ReplaceAll(b.File, "{id}", b.id); b.File != "" {
		if err := os.MkdirAll(filepath.Dir(b.File), 0o700); err != nil {
			b.Log.Debug("the database's beat is not noted in a file", "err", err)
			if anywhere { // nobody asked for it to be there
				b.File = ""
			}
		}
	}
	if b.File != "" {
		b.mine = b.File + "." + b.place
	}
	return b.pass(ctx)
}

// Run lets the beat rise until ctx ends.
func (b *Beats) Run(ctx context.Context) error {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := b.pass(ctx); err != nil && ctx.Err() == nil {
			b.Log.Debug("the database's beat does not rise", "err", err)
		}
	}
}

// pass finds out whether the database went back, as long as that is not known, and
// raises the beat. What is noted outside counts until then alone: from then on this
// process knows by itself how far the database had come.
func (b *Beats) pass(ctx context.Context) error {
	was := b.raised
	if !b.sure {
		out := b.read(ctx)
		last, err := b.last(ctx)
		if err != nil {
			return err
		}
		v := b.judge(out, last)
		b.looks++
		if v.unsure != "" {
			return b.wait(ctx, v.unsure)
		}
		if v.silent {
			if err := b.silent(ctx, b.first); err != nil {
				return err
			}
		}
		was = v.behind
	}
	if err := b.rise(ctx, was); err != nil {
		return err
	}
	b.sure = true
	return nil
}

// verdict is what the notes say of a database.
type verdict struct {
	unsure string // why nobody can say yet
	behind noted  // the database was further than it is now; 0: it was not
	silent bool   // nothing is noted
}

// judge holds the database against what was noted outside it.
func (b *Beats) judge(out outside, last store.Beat) verdict {
	switch {
	case b.looks > 0 && last.N > b.first.N:
		return verdict{} // somebody who is sure of it is at work with it
	case out.here.N > last.N:
		return verdict{behind: out.here}
	case last.N == 0:
		return verdict{}
	case out.unread != nil && (out.here.N == 0 || last.N-out.here.N > near):
		if time.Duration(b.looks)*beatEvery < unsureFor {
			return verdict{unsure: fmt.Sprintf("what was noted outside the database cannot be read (%v), so nobody can say whether it was restored from an older copy. "+
				"It is tried again every few seconds, for %d minutes", out.unread, unsureFor/time.Minute)}
		}
		return verdict{silent: b.first.Unseen > longSilence}
	case out.here.N > 0 || out.elsewhere.N > 0 && out.elsewhere.N <= last.N:
		return verdict{}
	case out.elsewhere.N == 0:
		return verdict{silent: b.first.Unseen > longSilence}
	case b.looks == 0:
		b.elsewhere = out.elsewhere
	case out.elsewhere.N > b.elsewhere.N:
		return verdict{} // a clone of one that is at work
	case b.looks >= still:
		return verdict{behind: out.elsewhere}
	}
	return verdict{unsure: "it is a copy of a database in another place that is further, and whether that one is still at work shows within half a minute"}
}

func (b *Beats) last(ctx context.Context) (last store.Beat, err error) {
	err = b.DB.View(ctx, func(tx *store.Tx) error {
		last, err = store.LastBeat(tx)
		return err
	})
	return last, err
}

// wait keeps bulk mails and offers back until the notes can be read.
func (b *Beats) wait(ctx context.Context, because string) error {
	first := false
	err := b.DB.Update(ctx, func(tx *store.Tx) error {
		held, err := consent.Held(tx)
		if err != nil {
			return err
		}
		_, waits := held[consent.HoldUnsure]
		if first = b.looks == 1; !first && !waits {
			return nil // a person let them go
		}
		return consent.Hold(tx, consent.HoldUnsure, because, consent.ByItself)
	})
	if first && err == nil {
		b.Log.Warn("bulk mails and offers wait: " + because)
	}
	return err
}

// rise raises the beat and notes it. Where the database was further before, everything
// is held, and what its stock of codes gave since is kept from others.
func (b *Beats) rise(ctx context.Context, was noted) error {
	var now store.Beat
	held := false
	err := b.DB.Update(ctx, func(tx *store.Tx) error {
		held = false
		last, err := store.LastBeat(tx)
		if err != nil {
			return err
		}
		if !b.sure {
			if _, err := consent.Release(tx, consent.HoldUnsure); err != nil {
				return err
			}
		}
		if now, err = store.RaiseBeat(tx, 1); err != nil || was.N < now.N {
			return err
		}
		until := "later"
		if was.At != "" {
			until = was.At
		}
		stood := "from before its first beat"
		if last.N > 0 {
			stood = "as it was at " + last.At.UTC().Format(time.DateTime) + " UTC"
		}
		held = true
		if err := b.hold(tx, fmt.Sprintf("this database is %s, and Regulars was at work with it until %s: it was restored from an older copy. "+
			"What was sent, ordered and refused in between is not known here", stood, until)); err != nil {
			return err
		}
		now, err = store.RaiseBeat(tx, was.N+1)
		return err
	})
	if err != nil {
		return err
	}
	b.raised = noted{now.N, now.At.UTC().Format(time.DateTime) + " UTC"}
	if held {
		b.Log.Error("the database was restored from an older copy: everything is held until a person releases it; `regulars status` says more")
	}
	if err := b.note(ctx, now); err != nil { // Redis away has its own words; the file has the journal's
		b.Log.Debug("the database's beat is not noted everywhere", "err", err)
	}
	return nil
}

// silent holds everything when work is due in a database that may be a copy.
func (b *Beats) silent(ctx context.Context, last store.Beat) error {
	held := false
	err := b.DB.Update(ctx, func(tx *store.Tx) error {
		var due bool
		err := tx.One(&due, `
			select exists (select 1 from due where not_before <= @now)
			or     exists (select 1 from chunks k join runs r on r.id = k.run_id and r.state = 'sending' where not k.done and k.not_before <= @now)
			or     exists (select 1 from passages where wake_at <= @now)`, store.Args{"now": tx.At})
		if held = due && err == nil; !held {
			return err
		}
		return b.hold(tx, fmt.Sprintf("nobody was at work with this database since %s UTC, mails are due, and nothing outside it (Redis, SUPPRESSION_LOG) says that it is "+
			"the one that was at work last. If it was restored from a copy, they may be out already", last.At.UTC().Format(time.DateTime)))
	})
	if held && err == nil {
		b.Log.Error("the database has been silent for long and may be a copy: everything is held until a person releases it; `regulars status` says more")
	}
	return err
}

// hold stops everything in the name of Regulars itself, and gives no code that somebody
// may have. What a person holds already
// stays held, for both reasons.
func (b *Beats) hold(tx *store.Tx, because string) error {
	held, err := consent.Held(tx)
	if err != nil {
		return err
	}
	if was, ok := held[consent.HoldAll]; ok && was.ByWhom != consent.ByItself {
		because += "; and before that " + was.ByWhom + " held everything: " + was.Because
	}
	if err := consent.Hold(tx, consent.HoldAll, because, consent.ByItself); err != nil {
		return err
	}
	_, err = coupon.SetAside(tx)
	return err
}

// read returns what is noted. A note without a place is from before there were any.
func (b *Beats) read(ctx context.Context) (out outside) {
	take := func(to *noted, text string) {
		number, at, _ := strings.Cut(strings.TrimSpace(text), " ")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && n > to.N {
			*to = noted{n, at}
		}
	}
	of := func(place string) *noted {
		if place == "" || place == b.place {
			return &out.here
		}
		return &out.elsewhere
	}
	if b.File != "" {
		files, err := filepath.Glob(globbed(b.File) + ".*")
		out.unread = err
		for _, file := range append(files, b.File, b.mine) {
			text, err := os.ReadFile(file)
			if strings.HasSuffix(file, unfinished) {
				continue
			}
			place := strings.TrimPrefix(strings.TrimPrefix(file, b.File), ".")
			if err != nil {
				if !errors.Is(err, os.ErrNotExist) {
					out.unread = err
				}
			} else if id, rest, _ := strings.Cut(string(text), " "); id == b.id {
				take(of(place), rest)
			}
		}
	}
	if b.Redis == nil {
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	notes, err := b.Redis.HGetAll(ctx, b.key()).Result()
	if err == nil {
		for place, text := range notes {
			take(of(place), text)
		}
		var text string
		text, err = b.Redis.Get(ctx, "regulars:beat:"+b.id).Result()
		take(&out.here, text)
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		out.unread = fmt.Errorf("Redis: %w", err)
	}
	return out
}

// globbed is a name in which nothing stands for anything else.
func globbed(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

func (b *Beats) key() string { return "regulars:beats:" + b.id }

// raise keeps the higher of two beats: replicas note theirs in any order.
var raise = redis.NewScript(`
	local was = tonumber(string.match(redis.call('hget', KEYS[1], ARGV[3]) or '0', '^%d+') or '0')
	if tonumber(ARGV[1]) > was then redis.call('hset', KEYS[1], ARGV[3], ARGV[2]) end
	return was`)

// note writes the beat down outside the database.
func (b *Beats) note(ctx context.Context, now store.Beat) error {
	text := fmt.Sprintf("%d %s UTC", now.N, now.At.UTC().Format(time.DateTime))
	var errs []error
	if b.File != "" {
		errs = append(errs, replaceFile(b.mine, b.id+" "+text+"\n"))
	}
	if b.Redis != nil {
		ctx, cancel := context.WithTimeout(ctx, hintTimeout)
		defer cancel()
		errs = append(errs, raise.Run(ctx, b.Redis, []string{b.key()}, now.N, text, b.place).Err())
	}
	return errors.Join(errs...)
}

// unfinished ends the names of files that are being written.
const unfinished = ".new"

// replaceFile writes a small file that only we can read, whole or not at all.
func replaceFile(name, text string) error {
	next := name + "." + strconv.Itoa(os.Getpid()) + unfinished
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(next, name)
}

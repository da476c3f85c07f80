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
	"regulars/internal/store"
)

// Beats notice that the database is older than what was done with it: restored from
// a copy, while the mails of the time since are out. Every few seconds the beat in the
// database rises and is then noted outside it, in Redis and in a file. What was noted
// is read before the beat rises, so that as long as the database only goes forward the
// new beat is always the higher one. Where it is not, everything is held until a
// person has looked.
//
// With nothing noted outside, a database that has been silent for long and has work
// due is taken for a copy too: better a question than a second mail to everybody.
type Beats struct {
	DB    *store.DB
	Redis *Redis // nil: none that outlives this process
	File  string // {id} in it stands for the installation; "": none
	Log   *slog.Logger

	id     string // of the installation: several may share a Redis
	raised noted  // what this process raised the beat to last
}

const (
	beatEvery = 5 * time.Second
	// longSilence is after which a database of which nothing is noted outside is not
	// trusted to be the one that was at work last.
	longSilence = time.Hour
)

// noted is a beat that is kept outside the database.
type noted struct {
	N  int64
	At string
}

// Start compares the database with what was noted outside. It is to be called before
// any work is begun.
func (b *Beats) Start(ctx context.Context) error {
	var last store.Beat
	err := b.DB.Update(ctx, func(tx *store.Tx) error {
		pepper, err := consent.Pepper(tx)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(append([]byte("beat "), pepper...))
		b.id = hex.EncodeToString(sum[:8])
		last, err = store.LastBeat(tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading how far the database has come: %w", err)
	}
	if b.File = strings.ReplaceAll(b.File, "{id}", b.id); b.File != "" {
		if err := os.MkdirAll(filepath.Dir(b.File), 0o700); err != nil {
			b.Log.Debug("the database's beat is not noted in a file", "err", err)
		}
	}
	if out := b.outside(ctx); out.N == 0 && last.N > 0 && last.Unseen > longSilence {
		if err := b.silent(ctx, last); err != nil {
			return err
		}
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

// pass raises the beat and holds it against what was noted before.
func (b *Beats) pass(ctx context.Context) error {
	// What is noted outside counts at the start alone: a clone of the database notes
	// there, too, and must not stop the one that it was made of. From then on this
	// process knows by itself how far the database had come.
	out := b.raised
	if out.N == 0 {
		out = b.outside(ctx)
	}
	var now store.Beat
	held := false
	err := b.DB.Update(ctx, func(tx *store.Tx) error {
		last, err := store.LastBeat(tx)
		if err != nil {
			return err
		}
		if now, err = store.RaiseBeat(tx, 1); err != nil || out.N < now.N {
			held = false
			return err
		}
		until := "later"
		if out.At != "" {
			until = out.At
		}
		was := "from before its first beat"
		if last.N > 0 {
			was = "as it was at " + last.At.UTC().Format(time.DateTime) + " UTC"
		}
		held = true
		if err := b.hold(tx, fmt.Sprintf("this database is %s, and Regulars was at work with it until %s: it was restored from an older copy. "+
			"What was sent, ordered and refused in between is not known here", was, until)); err != nil {
			return err
		}
		now, err = store.RaiseBeat(tx, out.N+1)
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

// hold stops everything in the name of Regulars itself. What a person holds already
// stays held, for both reasons.
func (b *Beats) hold(tx *store.Tx, because string) error {
	held, err := consent.Held(tx)
	if err != nil {
		return err
	}
	if was, ok := held[consent.HoldAll]; ok && was.ByWhom != consent.ByItself {
		because += "; and before that " + was.ByWhom + " held everything: " + was.Because
	}
	return consent.Hold(tx, consent.HoldAll, because, consent.ByItself)
}

// outside is the highest beat that was noted for this database; none: the zero value.
func (b *Beats) outside(ctx context.Context) (out noted) {
	take := func(text string) {
		number, at, _ := strings.Cut(strings.TrimSpace(text), " ")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && n > out.N {
			out = noted{n, at}
		}
	}
	if b.File != "" {
		text, err := os.ReadFile(b.File)
		if id, rest, _ := strings.Cut(string(text), " "); err == nil && id == b.id {
			take(rest)
		}
	}
	if b.Redis != nil {
		ctx, cancel := context.WithTimeout(ctx, hintTimeout)
		defer cancel()
		if text, err := b.Redis.Get(ctx, b.key()).Result(); err == nil {
			take(text)
		}
	}
	return out
}

func (b *Beats) key() string { return "regulars:beat:" + b.id }

// raise keeps the higher of two beats: replicas note theirs in any order.
var raise = redis.NewScript(`
	local was = tonumber(string.match(redis.call('get', KEYS[1]) or '0', '^%d+') or '0')
	if tonumber(ARGV[1]) > was then redis.call('set', KEYS[1], ARGV[2]) end
	return was`)

// note writes the beat down outside the database.
func (b *Beats) note(ctx context.Context, now store.Beat) error {
	text := fmt.Sprintf("%d %s UTC", now.N, now.At.UTC().Format(time.DateTime))
	var errs []error
	if b.File != "" {
		errs = append(errs, replaceFile(b.File, b.id+" "+text+"\n"))
	}
	if b.Redis != nil {
		ctx, cancel := context.WithTimeout(ctx, hintTimeout)
		defer cancel()
		errs = append(errs, raise.Run(ctx, b.Redis, []string{b.key()}, now.N, text).Err())
	}
	return errors.Join(errs...)
}

// replaceFile writes a small file that only we can read, whole or not at all.
func replaceFile(name, text string) error {
	next := name + "." + strconv.Itoa(os.Getpid()) + ".new"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(next, name)
}

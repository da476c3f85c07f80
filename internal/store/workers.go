package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"modernc.org/sqlite"
)

// Presence is the lock that every process holds that works on a database, for as
// long as it lives: all of them share it. Who gets it alone for a moment knows that
// nobody else is at work.
type Presence struct {
	db *DB

	mu   sync.Mutex
	pg   *pgx.Conn
	lite *sql.DB
	on   *sql.Conn // of lite, with an open transaction
}

// presenceKey names the lock of a schema on Postgres.
const presenceKey = "(hashtext('regulars workers ' || current_schema()))"

// Enter takes the lock. When nobody else holds it, alone is called before anybody
// else may enter. Behind a pooler no session lasts, so no lock does: there alone is
// never called.
func (db *DB) Enter(ctx context.Context, alone func() error) (*Presence, error) {
	p := &Presence{db: db}
	var err error
	switch {
	case db.Engine() == SQLite:
		err = p.enterSQLite(ctx, alone)
	case db.connect != nil:
		err = p.enterPostgres(ctx, alone)
	}
	if err != nil {
		p.Leave()
		return nil, fmt.Errorf("saying that a worker is here: %w", err)
	}
	return p, nil
}

// dying is how long the connection of a process that was killed may take to end at
// the server.
const dying = time.Second

func (p *Presence) enterPostgres(ctx context.Context, alone func() error) (err error) {
	if p.pg, err = pgx.ConnectConfig(ctx, p.db.connect.Copy()); err != nil {
		return err
	}
	got := false
	for end := time.Now().Add(dying); alone != nil; {
		if err := p.pg.QueryRow(ctx, "select pg_try_advisory_lock"+presenceKey).Scan(&got); err != nil {
			return err
		}
		if got || time.Now().After(end) {
			break
		}
		if err := sleep(ctx, dying/10); err != nil {
			return err
		}
	}
	if got {
		if err := alone(); err != nil {
			return err
		}
	}
	if _, err := p.pg.Exec(ctx, "select pg_advisory_lock_shared"+presenceKey); err != nil {
		return err
	}
	if got {
		_, err = p.pg.Exec(ctx, "select pg_advisory_unlock"+presenceKey)
	}
	return err
}

// enterSQLite uses the locks of a small database beside the file: they end with
// the process, however it ends.
func (p *Presence) enterSQLite(ctx context.Context, alone func() error) (err error) {
	q := url.Values{"_pragma": {"busy_timeout(0)", "journal_mode(DELETE)"}}
	if err := keepPrivate(p.db.file + "-workers"); err != nil {
		return err
	}
	p.lite = sql.OpenDB(liteConnector{&sqlite.Driver{}, "file:" + (&url.URL{Path: p.db.file + "-workers"}).EscapedPath() + "?" + q.Encode()})
	if p.on, err = p.lite.Conn(ctx); err != nil {
		return err
	}
	if _, err := p.on.ExecContext(ctx, "begin exclusive"); err == nil {
		if err := alone(); err != nil {
			return err
		}
		if _, err := p.on.ExecContext(ctx, "create table if not exists workers (here integer)"); err != nil {
			return err
		}
		if _, err := p.on.ExecContext(ctx, "commit"); err != nil {
			return err
		}
	} else if !conflict(err) {
		return err
	}
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) { // who is alone for a moment keeps others out
		err := p.shared(ctx)
		if err == nil || !conflict(err) {
			return err
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// shared begins a transaction that only reads, and so keeps everybody from being
// alone.
func (p *Presence) shared(ctx context.Context) error {
	if _, err := p.on.ExecContext(ctx, "begin"); err != nil {
		return err
	}
	var n int
	err := p.on.QueryRowContext(ctx, "select count(*) from sqlite_master").Scan(&n)
	if err != nil {
		_, _ = p.on.ExecContext(ctx, "rollback") // begun above
	}
	return err
}

// Keep takes the lock again when its connection has ended: a Postgres that was
// restarted has forgotten it.
func (p *Presence) Keep(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pg == nil || p.pg.Ping(ctx) == nil {
		return nil
	}
	p.pg.Close(ctx)
	return p.enterPostgres(ctx, nil)
}

// Leave gives the lock back.
func (p *Presence) Leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	if p.pg != nil {
		p.pg.Close(ctx)
	}
	if p.on != nil {
		_, _ = p.on.ExecContext(ctx, "rollback")
		p.on.Close()
	}
	if p.lite != nil {
		p.lite.Close()
	}
}

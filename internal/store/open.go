package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"modernc.org/sqlite"
)

// The two engines, as Engine returns them.
const (
	Postgres = "postgres"
	SQLite   = "sqlite"
)

// Options say how to open a database. The zero value is good.
type Options struct {
	Now    func() time.Time // business time; nil: time.Now
	Create bool             // make the SQLite file when it is not there
	Conns  int              // Postgres connections at most; 0: 16
}

func (o Options) filled() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// ErrNoFile says that the SQLite file is not there and was not to be made.
var ErrNoFile = errors.New("no such database file")

// Open opens postgres://… or sqlite:FILE. It connects, but does not migrate. Its
// errors never repeat the address, which may hold a password.
func Open(ctx context.Context, where string, o Options) (*DB, error) {
	o = o.filled()
	if err := CheckAddress(where); err != nil {
		return nil, fmt.Errorf("DATABASE_URL %w", err)
	}
	if EngineOf(where) == SQLite {
		file, err := sqliteFile(where)
		if err != nil {
			return nil, err
		}
		return openSQLite(ctx, file, o)
	}
	config, err := postgresConfig(where)
	if err != nil {
		return nil, err
	}
	return connectPostgres(ctx, config, o)
}

// defaultConns is how many Postgres connections a process has at most, unless its
// address or Options say otherwise; leastConns is what it can't do without: one
// waits while another migrates.
const (
	defaultConns = 16
	leastConns   = 2
)

func connectPostgres(ctx context.Context, config *pgxpool.Config, o Options) (*DB, error) {
	if o.Conns > 0 {
		config.MaxConns = int32(o.Conns)
	}
	config.MaxConns = max(config.MaxConns, leastConns)
	params := config.ConnConfig.RuntimeParams
	params["timezone"] = "UTC"
	params["application_name"] = cmp.Or(params["application_name"], "regulars")
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connecting to Postgres: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connecting to Postgres: %w", unknownParameter(err))
	}
	sqlDB := stdlib.OpenDBFromPool(pool)
	g, err := gorm.Open(postgres.New(postgres.Config{Conn: sqlDB}), gormConfig())
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("connecting to Postgres: %w", err)
	}
	closer := func() error { err := sqlDB.Close(); closePool(pool); return err }
	beside := func(ctx context.Context, n int) (*DB, error) {
		return connectPostgres(ctx, config.Copy(), Options{Now: o.Now, Conns: n})
	}
	db := &DB{g: g, reads: g, now: o.Now, place: postgresPlace(config), closer: closer, shared: newShared(), beside: beside}
	if config.ConnConfig.DefaultQueryExecMode != pgx.QueryExecModeCacheDescribe {
		db.connect = config.ConnConfig
	}
	return db, nil
}

// closeWithin is how long the connections of a pool may take to come back. One
// that works at something, or waits for a lock, is then left to the end of the
// process, with which its transaction ends.
const closeWithin = 2 * time.Second

func closePool(pool *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() { defer close(closed); pool.Close() }()
	t := time.NewTimer(closeWithin)
	defer t.Stop()
	select {
	case <-closed:
	case <-t.C:
	}
}

// unknownParameter says which setting of the address a server does not take:
// Postgres and PgBouncer name it, and not where it came from.
func unknownParameter(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	name, unknown := strings.CutPrefix(pg.Message, "unsupported startup parameter: ") // PgBouncer
	if found := regexp.MustCompile(`^unrecognized configuration parameter "(.*)"$`).FindStringSubmatch(pg.Message); found != nil {
		name, unknown = found[1], true
	}
	switch {
	case unknown && name == "search_path":
		return errors.New("the pooler before it takes no search_path or schema from DATABASE_URL: leave it out, and say instead `alter role … set search_path = …` in the database")
	case unknown:
		return fmt.Errorf("DATABASE_URL has a setting %s that the server does not know: leave it out", name)
	}
	return err
}

func postgresPlace(c *pgxpool.Config) string {
	return fmt.Sprintf("Postgres database %s at %s:%d", c.ConnConfig.Database, c.ConnConfig.Host, c.ConnConfig.Port)
}

// sqliteReaders is how many connections read beside the one that writes.
const sqliteReaders = 4

func openSQLite(ctx context.Context, file string, o Options) (*DB, error) {
	if _, err := os.Stat(file); err != nil && !o.Create {
		return nil, fmt.Errorf("%s: %w", file, ErrNoFile)
	}
	if err := keepPrivate(file); err != nil {
		return nil, fmt.Errorf("opening %s: %w", file, err)
	}
	write, err := openLite(ctx, file, "immediate", 1)
	if err != nil {
		return nil, err
	}
	reads, err := openLite(ctx, file, "deferred", sqliteReaders)
	if err != nil {
		return nil, err
	}
	closer := func() error { return errors.Join(closeLite(reads), closeLite(write)) }
	return &DB{g: write, reads: reads, now: o.Now, place: "SQLite file " + file, closer: closer, shared: newShared(), file: file}, nil
}

func openLite(ctx context.Context, file, lock string, conns int) (*gorm.DB, error) {
	readOnly := map[bool]string{true: "1", false: "0"}[lock == "deferred"] // View must not write, on this engine either
	q := url.Values{
		"_query_only": {readOnly},
		"_pragma":     {"busy_timeout(1000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)", "cache_size(-32000)", "secure_delete(1)"},
		"_txlock":     {lock}, "_time_integer_format": {"unix_micro"}, "_inttotime": {"1"},
	}
	sqlDB := sql.OpenDB(liteConnector{&sqlite.Driver{}, "file:" + (&url.URL{Path: file}).EscapedPath() + "?" + q.Encode()})
	sqlDB.SetMaxOpenConns(conns)
	sqlDB.SetMaxIdleConns(conns)
	if err := sqlDB.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("opening %s: %w", file, err)
	}
	g, err := gorm.Open(&lite{sqlDB}, gormConfig())
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", file, err)
	}
	return g, nil
}

func closeLite(g *gorm.DB) error {
	sqlDB, err := g.DB()
	if err != nil {
		return err
	}
	return sqlDB.Close()
}

// gormConfig keeps GORM silent: its own log lines would show arguments, which
// are people's data. Errors travel up instead.
func gormConfig() *gorm.Config {
	return &gorm.Config{
		Logger: logger.Discard, TranslateError: true, SkipDefaultTransaction: true,
		DisableAutomaticPing: true, DisableNestedTransaction: true,
	}
}

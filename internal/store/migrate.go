package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

// Migrations are the numbered steps of the schema, a folder for each engine.
//
//go:embed migrations
var Migrations embed.FS

// Migrate brings the schema up to this binary's version. Replicas that start
// together wait for each other. A newer schema is left as it is: migrations
// only expand, so an old binary goes on running on it.
func (db *DB) Migrate(ctx context.Context) error {
	sqlDB, err := db.g.DB()
	if err != nil {
		return err
	}
	if db.Engine() == Postgres {
		unlock, err := lockMigrations(ctx, sqlDB)
		if err != nil {
			return err
		}
		defer unlock()
	}
	p, err := db.provider(sqlDB)
	if err != nil {
		return err
	}
	for began := time.Now(); ; {
		_, err := p.Up(ctx)
		if err == nil {
			return nil
		}
		if !locked(err) || time.Since(began) > longestWait || ctx.Err() != nil { // another process writes to the file
			return fmt.Errorf("migrating the schema: %w", err)
		}
	}
}

// Schema returns the version of the database's schema and the newest that this
// binary knows. A database that was never migrated has version 0.
func (db *DB) Schema(ctx context.Context) (have, want int64, err error) {
	sqlDB, err := db.g.DB()
	if err != nil {
		return 0, 0, err
	}
	p, err := db.provider(sqlDB)
	if err != nil {
		return 0, 0, err
	}
	want = p.ListSources()[len(p.ListSources())-1].Version
	if err := db.View(ctx, func(tx *Tx) error {
		return tx.One(&have, "select coalesce(max(version_id), 0) from goose_db_version where is_applied", nil)
	}); err != nil {
		have = 0 // the table itself is part of the first migration
	}
	return have, want, nil
}

func (db *DB) provider(sqlDB *sql.DB) (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	if db.Engine() == Postgres {
		dialect = goose.DialectPostgres
	}
	files, err := fs.Sub(Migrations, "migrations/"+db.Engine())
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(dialect, sqlDB, files, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, fmt.Errorf("reading the migrations: %w", err)
	}
	return p, nil
}

// lockMigrations waits until no other replica migrates this schema. The lock is a
// transaction's, since a pooler may give the next statement of a session to
// another connection.
func lockMigrations(ctx context.Context, sqlDB *sql.DB) (unlock func(), err error) {
	tx, err := sqlDB.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, "select pg_advisory_xact_lock(hashtext('regulars migrations ' || current_schema()))"); err != nil {
		tx.Rollback()
		return nil, fmt.Errorf("waiting for the other replicas' migrations: %w", err)
	}
	return func() { tx.Rollback() }, nil
}

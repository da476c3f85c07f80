package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Scratch makes an empty database of its own on the Postgres server at where,
// opens it and migrates it. Close drops it with all that is in it.
func Scratch(ctx context.Context, where string, o Options) (*DB, error) {
	if EngineOf(where) != Postgres {
		return nil, errors.New("the address of the server should be postgres://user:password@host:5432/database")
	}
	config, err := postgresConfig(where)
	if err != nil {
		return nil, fmt.Errorf("the address of the server %w", err)
	}
	name := "regulars_scratch_" + randomName()
	if err := administer(ctx, config, "create database "+name); err != nil {
		return nil, fmt.Errorf("making a scratch database (the user of the address needs the right CREATEDB): %w", err)
	}
	drop := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := administer(ctx, config, "drop database "+name+" with (force)"); err != nil {
			return fmt.Errorf("dropping the scratch database %s: %w", name, err)
		}
		return nil
	}
	own := config.Copy()
	own.ConnConfig.Database = name
	delete(own.ConnConfig.RuntimeParams, "search_path")
	db, err := connectPostgres(ctx, own, o.filled())
	if err != nil {
		return nil, errors.Join(err, drop())
	}
	closePool := db.closer
	db.closer = func() error { return errors.Join(closePool(), drop()) }
	if err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// administer runs a statement that no transaction may hold, on the database that
// the address itself names.
func administer(ctx context.Context, config *pgxpool.Config, statement string) error {
	c, err := pgx.ConnectConfig(ctx, config.ConnConfig.Copy())
	if err != nil {
		return fmt.Errorf("connecting to Postgres: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	_, err = c.Exec(ctx, statement)
	return err
}

func randomName() string {
	b := make([]byte, 6)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// Shred has what was deleted and overwritten in tables leave the files of the database,
// as far as that is ours to say: SQLite writes zeros over it and here empties its journal,
// Postgres gives the room of old rows away. What it cannot do now, for somebody is still
// reading, the database does by itself later.
func (db *DB) Shred(ctx context.Context, tables ...string) error {
	statement := "pragma wal_checkpoint(truncate)"
	if db.Engine() == Postgres {
		statement = "vacuum " + strings.Join(tables, ", ")
	}
	if err := db.g.WithContext(ctx).Exec(statement).Error; err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// Vacuum tidies tables after a bulk change and refreshes the planner's idea of
// them. It stands outside of any transaction.
func (db *DB) Vacuum(ctx context.Context, tables ...string) error {
	for _, table := range tables {
		statement := "analyze " + table
		if db.Engine() == Postgres {
			statement = "vacuum (analyze) " + table
		}
		if err := db.g.WithContext(ctx).Exec(statement).Error; err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

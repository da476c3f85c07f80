package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/jackc/pgx/v5"

	"regulars/internal/patiently"
	"regulars/internal/store"
)

// Migrating a database for each test took longer than most tests. So databases
// are used again: each test takes the first of regulars_test_1, _2, … that nobody
// else has, emptied, and made anew when it is not as the migrations leave it. A
// process that dies leaves nothing in the way of the next.

// slot is a database that a test has.
type slot struct {
	name string
	lock *pgx.Conn // its session holds the lock
}

// take returns a database as the migrations leave it.
func take(ctx context.Context, where string) (slot, error) {
	s, err := claim(ctx, where)
	if err != nil {
		return slot{}, err
	}
	if err := s.prepare(ctx, where); err != nil {
		s.give()
		return slot{}, err
	}
	return s, nil
}

// give lets others have the database.
func (s slot) give() {
	ctx, cancel := context.WithTimeout(context.Background(), patiently.AtMost)
	defer cancel()
	s.lock.Close(ctx)
}

// claim takes the first database that no test has, in this process or another.
func claim(ctx context.Context, where string) (slot, error) {
	c, err := pgx.Connect(ctx, where)
	if err != nil {
		return slot{}, err
	}
	for n := 1; ; n++ {
		var mine bool
		if err := c.QueryRow(ctx, "select pg_try_advisory_lock(hashtext('regulars_test'), $1)", n).Scan(&mine); err != nil {
			c.Close(ctx)
			return slot{}, err
		}
		if mine {
			return slot{fmt.Sprint("regulars_test_", n), c}, nil
		}
	}
}

// unfinished marks a database that is being made.
const unfinished = "being made by the tests of Regulars"

// prepare empties the database, or makes it.
func (s slot) prepare(ctx context.Context, where string) error {
	var there bool
	var mark string // its comment, which one of ours always has
	err := s.lock.QueryRow(ctx, "select count(*) > 0, coalesce(max(shobj_description(oid, 'pg_database')), '') from pg_database where datname = $1", s.name).Scan(&there, &mark)
	if err != nil {
		return err
	}
	if there && mark == "" {
		return fmt.Errorf("there is a database %s that the tests did not make: rename it, or drop it if nobody needs it", s.name)
	}
	if _, err := s.lock.Exec(ctx, "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", s.name); err != nil {
		return err
	}
	if there && mark != unfinished {
		if now, err := empty(ctx, named(where, s.name)); err != nil || now == mark {
			return err
		}
	}
	for _, statement := range []string{"drop database if exists " + s.name + " with (force)", "create database " + s.name,
		"alter database " + s.name + " set synchronous_commit = off", // the tests kill us, not Postgres
		"comment on database " + s.name + " is '" + unfinished + "'"} {
		if _, err := s.lock.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s (the user needs the right CREATEDB): %w", statement, err)
		}
	}
	db, err := store.Open(ctx, named(where, s.name), store.Options{Conns: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	if mark, err = empty(ctx, named(where, s.name)); err != nil {
		return err
	}
	_, err = s.lock.Exec(ctx, "comment on database "+s.name+" is '"+mark+"'")
	return err
}

// empty throws away all rows and returns what the schema looks like, with the
// migrations that this binary knows.
func empty(ctx context.Context, where string) (mark string, err error) {
	c, err := pgx.Connect(ctx, where)
	if err != nil {
		return "", err
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, emptyTables); err != nil {
		return "", err
	}
	h := sha256.New()
	err = fs.WalkDir(store.Migrations, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := store.Migrations.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		return "", err
	}
	err = c.QueryRow(ctx, schemaMark, hex.EncodeToString(h.Sum(nil))).Scan(&mark)
	return mark, err
}

// emptyTables also throws away what the planner knew of the rows. Most tests write a few
// rows into many tables: to take them out costs a sixth of truncating, which makes a file
// anew for each table, index and sequence. What is left of them in the files is little,
// for a table of more than eight pages is truncated.
const emptyTables = `
	do $$
	declare t record; list text := '';
	begin
		set local session_replication_role = replica; -- no trigger goes off
		for t in select oid::regclass as name, pg_relation_size(oid) as bytes from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'goose_db_version' and pg_relation_size(oid) > 0 loop
			if t.bytes > 8 * 8192 then
				list := list || ', ' || t.name;
			else
				execute 'delete from ' || t.name;
			end if;
		end loop;
		if list <> '' then
			execute 'truncate ' || substr(list, 3) || ' cascade';
		end if;
		perform setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false)
		from    pg_sequences
		where   schemaname = 'public' and last_value is not null and sequencename not like 'goose%';
		delete from pg_statistic where starelid in (select oid from pg_class where relnamespace = 'public'::regnamespace);
		update pg_class set reltuples = -1, relpages = 0, relallvisible = 0 where relnamespace = 'public'::regnamespace and reltuples <> -1;
	end $$`

const schemaMark = `
	select md5($1 || string_agg(x, ' ' order by x)) from (
		select concat_ws(',', c.relname, c.relkind, c.relchecks, a.attname, a.atttypid, a.attnotnull, a.atthasdef) as x
		from   pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
		where  c.relnamespace = 'public'::regnamespace and c.relkind <> 'S'
		union  all
		select concat_ws(',', conname, contype, conrelid::regclass) from pg_constraint where connamespace = 'public'::regnamespace
		union  all
		select concat_ws(',', tgname, tgrelid::regclass, tgenabled) from pg_trigger where not tgisinternal
		union  all
		select concat_ws(',', proname, pronargs) from pg_proc where pronamespace = 'public'::regnamespace
		union  all
		select nspname::text from pg_namespace where nspname not like 'pg\_%'
		union  all
		select concat_ws(',', version_id, is_applied) from goose_db_version
	) s`

// named is the address of another database on the same server.
func named(where, database string) string {
	u, err := url.Parse(where)
	if err != nil {
		panic(err) // Where has connected to it
	}
	u.Path = "/" + database
	return u.String()
}

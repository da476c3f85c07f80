-- +goose Up

-- On Postgres: members have room to change in place. SQLite's do so anyway.
select 1;

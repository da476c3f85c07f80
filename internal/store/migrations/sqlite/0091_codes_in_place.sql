-- +goose Up

-- On Postgres: codes change in place when they are issued. SQLite does so anyway.
select 1;

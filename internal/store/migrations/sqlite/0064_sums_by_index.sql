-- +goose Up

-- On Postgres: triggers of sums look things up by index. Here they do.
select 1;

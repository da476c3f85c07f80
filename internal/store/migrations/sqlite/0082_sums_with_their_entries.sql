-- +goose Up

-- On Postgres: who inserts entries may add to the sums of points by itself. Here triggers
-- do, row by row.
select 1;

-- +goose Up

-- On Postgres: a run is counted when its audience is noted. Here each mail is counted when
-- it is written.
select 1;

-- +goose Up

-- On Postgres: who freezes an audience counts its mails. Here each is counted when it is
-- written.
select 1;

-- +goose Up

-- On Postgres: an index of the mails of one campaign. Here, where a ledger is smaller,
-- going through it is quick enough.
select 1;

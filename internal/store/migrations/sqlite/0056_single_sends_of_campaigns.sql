-- +goose Up

-- On Postgres: an index of the single mails of one campaign, for one of all its mails.
select 1;

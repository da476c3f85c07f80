-- +goose Up

-- The last day that a person said of a tier is the last: the tier's grace does not follow.
-- Of stays from before nobody can tell any more who said their day; they keep the grace.
alter table member_tiers add column exact boolean not null default false;

-- +goose Up
-- How many workers fell silent over a job: killed by it, perhaps. A job that has
-- cost two is set aside instead of being handed to the next.
alter table jobs add column fell_silent integer not null default 0;

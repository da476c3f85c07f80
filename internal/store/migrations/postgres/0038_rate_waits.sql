-- +goose Up
-- The domain of recipients for whose rate a mail waits; null: it waits for none.
alter table due add column waits_for text;
create index due_waits on due (waits_for) where waits_for is not null;

-- +goose Up
-- Who made a token of /v1, and when it was last used, to the hour.
alter table api_tokens add column made_by text not null default '';
alter table api_tokens add column used_at timestamptz;

-- +goose Up
-- Which process has a claim: the name of its wire log, as long as the fence is that of
-- its claim. Versions that know neither raise the fence alone. null: it has no log.
alter table chunks add column owner bigint;
alter table chunks add column owner_fence bigint;
alter table due    add column owner bigint;
alter table due    add column owner_fence bigint;

-- +goose NO TRANSACTION
-- +goose Up

-- A code that is issued with its mail changes in place: no index mentions its state any
-- more, and its page has room for the new row beside the old one. Before, each issue wrote
-- a new entry into every index of codes.
alter table codes set (fillfactor = 45);

-- Codes that lie in stock, and those set aside or shared, are nobody's.
drop index concurrently if exists codes_stock;
create index concurrently codes_stock on codes (pool_id, id) where member_id is null;

-- Whose a code is: with the occurrence, at most one per pool. It finds a member's codes, too.
drop index concurrently if exists codes_owner;
create unique index concurrently codes_owner on codes (member_id, occurrence_id, pool_id) where member_id is not null;

drop index concurrently if exists codes_free;
drop index concurrently if exists codes_aside;
drop index concurrently if exists codes_member;
alter table codes drop constraint if exists codes_pool_id_occurrence_id_member_id_key;

-- Codes are found by their bytes, and never sorted for people to read.
alter table codes alter column folded type text collate "C";

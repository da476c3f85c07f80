-- +goose Up

-- Whether the order of a use lists its code: null where no order ever has, as at a
-- till; false where one did and does no longer, and the use is undone.
alter table redemptions add column listed boolean;
update redemptions set listed = true where order_id is not null and key is null;

-- How many pieces the next try takes on, after more of them took too long; 0: as
-- many as always.
alter table setbacks add column part integer not null default 0;

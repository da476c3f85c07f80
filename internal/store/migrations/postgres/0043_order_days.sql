-- +goose Up
-- The days with a paid order, as intake packs them: by them a file adds to what is known
-- of its members. null: to be read from the orders.
alter table facts add column days bytea;

-- +goose Up
-- How each pool stood at the end of each day of the shop, as the first pass of the next
-- day found it: the course of a stock. Kept for ever: a row per pool and day.
create table pool_days (
  pool_id bigint not null,
  day     bigint not null,   -- at whose end
  remains bigint,            -- codes that could still be given; null: no limit
  given   bigint not null,   -- codes that members or mails had by then
  used    bigint not null,   -- of these, redeemed
  ended   bigint not null,   -- of these, expired
  spent   bigint not null,   -- discounts of uses that stand, minor units
  primary key (pool_id, day)
);

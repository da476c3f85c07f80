-- +goose Up

-- How many mails the warm-up of the sender has let go on each of the shop's days.
create table warmup_days (
  day   bigint primary key, -- the shop's, days since 1970-01-01
  mails bigint not null     -- also those that it does not hold up
);

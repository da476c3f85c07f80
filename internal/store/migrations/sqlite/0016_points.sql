-- +goose Up
-- Points, stamps, tiers, claims and referrals. Lots and the columns of facts are what
-- entries and draws add up to, and can be built from them again.

-- The ledger of points and stamps: rows come, and never change.
create table entries (
  id          integer primary key autoincrement,
  member_id   bigint not null,
  wallet      text   not null,       -- points, or the name of a card
  at          timestamp not null,  -- of what it is for: the order, the event, the claim
  day         bigint not null,       -- the shop's day on which it was booked: balances of a day count it from then
  kind        text   not null,       -- earn | bonus | redeem | return | takeback | expire | adjust | merge
  amount      bigint not null,
  cause       text   not null,       -- order:ID:N | event:ID | birthday:2026 | joined | claim:ID | return:ID | expire:DAY:ID | key:… | import | merge:ID
  order_id    bigint,
  event_id    bigint,
  claim_id    bigint,
  referral_id bigint,
  version_id  bigint not null,       -- of the program by which it was computed
  tier        text   not null default '', -- the member's at the order's moment, before the order
  opens_day   bigint,                -- of a credit: the first day on which it can be spent
  last_day    bigint,                -- of a credit: the last one; null: none, or by inactivity
  reason      text   not null default '',
  by_whom     text   not null default '',
  unique (member_id, wallet, cause)
);
create index entries_order on entries (order_id) where order_id is not null;
create index entries_hand on entries (cause) where kind = 'adjust'; -- by keys of idempotency
create index entries_member on entries (member_id, wallet, day);

-- From which credits a debit took. A return draws back: its amount is below zero.
create table draws (
  debit_id  bigint not null,
  credit_id bigint not null,
  amount    bigint not null,
  primary key (debit_id, credit_id)
);
create index draws_credit on draws (credit_id);

-- What is left of the credits of which something is left.
create table lots (
  credit_id bigint primary key,
  member_id bigint not null,
  wallet    text   not null,
  opens_day bigint not null,
  last_day  bigint,
  remains   bigint not null
);
create index lots_member on lots (member_id, wallet);
create index lots_last_day on lots (wallet, last_day) where last_day is not null;
create index lots_opens_day on lots (opens_day);

-- Rewards that members claimed. A held one has its points already.
create table claims (
  id         integer primary key autoincrement,
  member_id  bigint not null,
  reward     text   not null,
  price      bigint not null,
  state      text   not null,        -- held | done | released | reversed
  source     text   not null,        -- whose keys they are: the token's name, or cli
  key        text   not null,        -- of idempotency
  body       blob  not null,        -- hash of what was asked with that key
  code_id    bigint,
  worth      bigint not null default 0, -- money at the till, minor units
  order_ref  text   not null default '',
  held_until timestamp,
  at         timestamp not null,
  day        bigint not null,
  reason     text   not null default '',
  by_whom    text   not null default '',
  unique (source, key)
);
create index claims_member on claims (member_id, day);
create index claims_held on claims (held_until) where state = 'held';

-- One row per stay in a tier. left_day null: the present one.
create table member_tiers (
  id         integer primary key autoincrement,
  member_id  bigint not null,
  tier       text   not null,
  since_day  bigint not null,
  since_at   timestamp not null,
  last_day   bigint,                 -- kept through this day, grace not included; null: for as long as the rule holds
  left_day   bigint,
  because    text   not null default '', -- the rule and its figure, or what a person said
  by_whom    text   not null default '',  -- '' : the rule
  order_id   bigint,                 -- by which it was reached
  version_id bigint not null
);
create unique index member_tiers_now on member_tiers (member_id) where left_day is null;
create index member_tiers_member on member_tiers (member_id, since_day);
create index member_tiers_last_day on member_tiers (last_day) where left_day is null;

create table referrals (
  id          integer primary key autoincrement,
  referrer_id bigint not null,
  friend_id   bigint not null unique, -- once in a lifetime
  state       text   not null,       -- pending | rewarded | refused | ended
  reason      text   not null default '',
  at          timestamp not null,
  day         bigint not null,
  order_id    bigint,                -- the friend's, by which it is rewarded
  opens_day   bigint,                -- the first day on which it may be
  by_whom     text   not null default ''
);
create index referrals_referrer on referrals (referrer_id, state);
create index referrals_open on referrals (opens_day) where state = 'pending';

alter table facts add column points_pending bigint not null default 0;
alter table facts add column points_last_day bigint; -- the next one on which some end
alter table facts add column tier text not null default '';
create index facts_points_last_day on facts (points_last_day) where points_last_day is not null;

-- What the sender says of an order and of a refund beside goods.
alter table orders add column tax bigint not null default 0;
alter table orders add column shipping bigint not null default 0;
alter table refunds add column lines text; -- null: the refund names none

-- +goose Up

-- Orders and events have one space of keys per shop, by whatever door they come;
-- a token may name another.
alter table api_tokens add column source text not null default '';

-- What was told of an order before the order itself, by events that name no
-- member: kept, and applied when the order comes.
create table early_events (
  source      text        not null,
  external_id text        not null,   -- the event's
  order_id    text        not null,   -- the order's external id
  at          timestamptz not null,
  received_at timestamptz not null,
  event       jsonb       not null,
  primary key (source, external_id)
);
create index early_events_order on early_events (source, order_id);

-- A use follows its order: undone while the order is cancelled, given back or a
-- test. key is the caller's, by which a redeem is safe to repeat.
alter table redemptions add column undone boolean not null default false;
alter table redemptions add column key text;
create unique index redemptions_key on redemptions (code_id, key) where key is not null;
create index redemptions_order on redemptions (order_id) where order_id is not null;
update redemptions set undone = true
where  order_id in (select id from orders where status in ('cancelled', 'refunded', 'test'));

-- Orders below zero are returns: they lower what was spent, and are no orders.
create index orders_returned on orders (member_id) where status = 'returned';
create index orders_below on orders (member_id) where counts and total < 0;

-- +goose Up

-- What a member still owes is among their debits: those are few, and are found without
-- reading what they earned.
create index entries_debits on entries (member_id, wallet) where amount < 0;

-- Sums of points, by which the books are kept without reading all that was ever booked.
-- Triggers write them, so that whoever books is counted, an older binary among them.
-- doctor compares with the ledger.
create table point_sums (
  what  text   not null,  -- a kind of entries | sales: of orders that earned | back, spent, lost: drawn from what orders earned
  month text   not null,  -- of what is drawn: when it was earned, 2026-11; '' of the others
  day   bigint not null,  -- from the end of which on it counts; of sales that of the first entry
  n     bigint not null,
  primary key (what, month, day)
);

-- On Postgres: what transactions have brought since. Here it stays empty.
create table point_moves (
  id    integer primary key,
  what  text   not null,
  month text   not null,
  day   bigint not null,
  n     bigint not null
);

create view points_summed as
select what, month, day, n from point_sums
union all
select what, month, day, n from point_moves;

-- +goose StatementBegin
create trigger entries_new after insert on entries when new.wallet = 'points' begin
  insert into point_sums (what, month, day, n) values (new.kind, '', new.day, new.amount)
  on conflict (what, month, day) do update set n = n + excluded.n;
  insert into point_sums (what, month, day, n)
  select 'sales', '', new.day, o.total - o.refunded
  from   orders o
  where  new.kind = 'earn' and o.id = new.order_id and o.counts
  and    not exists (select 1 from entries e where e.order_id = new.order_id and e.wallet = 'points' and e.kind = 'earn' and e.id <> new.id)
  on conflict (what, month, day) do update set n = n + excluded.n;
end;
-- +goose StatementEnd

-- Two rows of one order were made one: each entry that moves takes with it what its first
-- one counts for.
-- +goose StatementBegin
create trigger entries_changed after update of order_id on entries
when new.wallet = 'points' and new.kind = 'earn' and coalesce(old.order_id, 0) <> coalesce(new.order_id, 0) begin
  insert into point_sums (what, month, day, n)
  select 'sales', '', min(b.day, coalesce((select min(e.day) from entries e where e.order_id = old.order_id and e.wallet = 'points' and e.kind = 'earn'), b.day)), -(o.total - o.refunded)
  from   orders o, (select old.day as day) b
  where  o.id = old.order_id and o.counts
  on conflict (what, month, day) do update set n = n + excluded.n;
  insert into point_sums (what, month, day, n)
  select 'sales', '', e.day, o.total - o.refunded
  from   orders o, (select min(day) as day from entries where order_id = old.order_id and wallet = 'points' and kind = 'earn') e
  where  o.id = old.order_id and o.counts and e.day is not null
  on conflict (what, month, day) do update set n = n + excluded.n;
  insert into point_sums (what, month, day, n)
  select 'sales', '', e.day, -(o.total - o.refunded)
  from   orders o, (select min(day) as day from entries where order_id = new.order_id and wallet = 'points' and kind = 'earn' and id <> new.id) e
  where  o.id = new.order_id and o.counts and e.day is not null
  on conflict (what, month, day) do update set n = n + excluded.n;
  insert into point_sums (what, month, day, n)
  select 'sales', '', e.day, o.total - o.refunded
  from   orders o, (select min(day) as day from entries where order_id = new.order_id and wallet = 'points' and kind = 'earn') e
  where  o.id = new.order_id and o.counts and e.day is not null
  on conflict (what, month, day) do update set n = n + excluded.n;
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger draws_new after insert on draws begin
  insert into point_sums (what, month, day, n)
  select case when e.kind = 'takeback' then 'back' when e.kind in ('redeem', 'return') then 'spent' else 'lost' end,
         strftime('%Y-%m', c.day * 86400, 'unixepoch'), max(c.day, e.day), new.amount
  from   entries c, entries e
  where  c.id = new.credit_id and c.wallet = 'points' and c.kind = 'earn' and e.id = new.debit_id
  on conflict (what, month, day) do update set n = n + excluded.n;
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger draws_changed after update of amount on draws begin
  insert into point_sums (what, month, day, n)
  select case when e.kind = 'takeback' then 'back' when e.kind in ('redeem', 'return') then 'spent' else 'lost' end,
         strftime('%Y-%m', c.day * 86400, 'unixepoch'), max(c.day, e.day), new.amount - old.amount
  from   entries c, entries e
  where  c.id = new.credit_id and c.wallet = 'points' and c.kind = 'earn' and e.id = new.debit_id
  on conflict (what, month, day) do update set n = n + excluded.n;
end;
-- +goose StatementEnd

-- Orders that earned are given back, edited, or counted no longer.
-- +goose StatementBegin
create trigger orders_changed after update of total, refunded, counts on orders
when (case when new.counts then new.total - new.refunded else 0 end) <> (case when old.counts then old.total - old.refunded else 0 end) begin
  insert into point_sums (what, month, day, n)
  select 'sales', '', e.day, (case when new.counts then new.total - new.refunded else 0 end) - (case when old.counts then old.total - old.refunded else 0 end)
  from  (select min(day) as day from entries where order_id = new.id and wallet = 'points' and kind = 'earn') e
  where  e.day is not null
  on conflict (what, month, day) do update set n = n + excluded.n;
end;
-- +goose StatementEnd

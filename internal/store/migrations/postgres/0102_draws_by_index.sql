-- +goose Up

-- What a draw took from is looked up for each by itself: a join began with all that was
-- ever earned, by a plan of an empty shop.
-- +goose StatementBegin
create or replace function draws_summed() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  if tg_op = 'INSERT' then
    insert into point_moves (what, month, day, n)
    select case when e.kind = 'takeback' then 'back' when e.kind in ('redeem', 'return') then 'spent' else 'lost' end,
           to_char(date '1970-01-01' + cast(c.day as integer), 'YYYY-MM'), greatest(c.day, e.day), sum(d.amount)
    from   fresh d
    cross  join lateral (select day, wallet, kind from entries where id = d.credit_id limit 1) c
    cross  join lateral (select day, kind from entries where id = d.debit_id limit 1) e
    where  c.wallet = 'points' and c.kind = 'earn'
    group  by 1, 2, 3;
  else
    insert into point_moves (what, month, day, n)
    select case when e.kind = 'takeback' then 'back' when e.kind in ('redeem', 'return') then 'spent' else 'lost' end,
           to_char(date '1970-01-01' + cast(c.day as integer), 'YYYY-MM'), greatest(c.day, e.day), sum(d.amount - w.amount)
    from   fresh d
    join   were w on w.debit_id = d.debit_id and w.credit_id = d.credit_id
    cross  join lateral (select day, wallet, kind from entries where id = d.credit_id limit 1) c
    cross  join lateral (select day, kind from entries where id = d.debit_id limit 1) e
    where  c.wallet = 'points' and c.kind = 'earn'
    group  by 1, 2, 3;
  end if;
  return null;
end $$;
-- +goose StatementEnd

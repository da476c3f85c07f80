-- +goose Up

-- Who draws from stamps, which add to no sum of points, says so by regulars.drawn in the same
-- statement: the trigger then asks for nothing, and takes that back. Of the next statement it
-- finds out by itself again, as of those of an older binary. It turns sequential scans off
-- only where it asks for anything.
-- +goose StatementBegin
create or replace function draws_summed() returns trigger language plpgsql as $$
declare
  was text;
begin
  if current_setting('regulars.drawn', true) = 'yes' then
    was := set_config('regulars.drawn', '', true);
    return null;
  end if;
  was := current_setting('enable_seqscan');
  perform set_config('enable_seqscan', 'off', true);
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
  perform set_config('enable_seqscan', was, true);
  return null;
end $$;
-- +goose StatementEnd

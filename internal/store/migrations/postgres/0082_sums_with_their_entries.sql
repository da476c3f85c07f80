-- +goose Up

-- Who inserts entries may add to the sums of points what they come to, in the same
-- statement, and says so by regulars.summed. The trigger then has nothing to do, and takes
-- that back: of the next statement it finds out by itself again, as of those of an older
-- binary. It turns sequential scans off only where it asks for anything.
-- +goose StatementBegin
create or replace function entries_booked() returns trigger language plpgsql as $$
declare
  was text;
begin
  if current_setting('regulars.summed', true) = 'yes' then
    was := set_config('regulars.summed', '', true);
    return null;
  end if;
  was := current_setting('enable_seqscan');
  perform set_config('enable_seqscan', 'off', true);
  insert into point_moves (what, month, day, n)
  select kind, '', day, sum(amount) from fresh where wallet = 'points' group by kind, day
  union all
  select 'sales', '', f.day, sum(o.total - o.refunded)
  from  (select order_id, min(day) as day, count(*) as n from fresh where wallet = 'points' and kind = 'earn' and order_id is not null group by order_id) f
  join   orders o on o.id = f.order_id and o.counts
  where  f.n = (select count(*) from entries e where e.order_id = f.order_id and e.wallet = 'points' and e.kind = 'earn')
  group  by f.day;
  perform set_config('enable_seqscan', was, true);
  return null;
end $$;
-- +goose StatementEnd

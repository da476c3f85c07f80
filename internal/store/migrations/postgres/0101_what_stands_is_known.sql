-- +goose Up

-- What an order asks of its member's wallets and tier, so that it is booked without reading
-- either. Rows that are made without saying so know nothing. Of those that are there, all is
-- known where nothing was ever booked, or nobody ever had a tier.
-- +goose StatementBegin
do $$ begin
  if exists (select 1 from entries) then
    alter table facts add column wallets bytea; -- what stands in each wallet, as points packs it; '': nothing was ever booked; null: not known
  else
    alter table facts add column wallets bytea default '';
    alter table facts alter column wallets drop default;
  end if;
  if exists (select 1 from member_tiers) then
    alter table facts add column tier_at timestamptz; -- orders from then on have the tier of this row; null: not known
  else
    alter table facts add column tier_at timestamptz default timestamptz '1970-01-01 00:00:00+00';
    alter table facts alter column tier_at drop default;
  end if;
end $$;
-- +goose StatementEnd

-- What is booked makes unknown what stands in wallets. Only who writes it down beside says
-- so, by regulars.summed = kept; who says yes, as an older binary does, has added to the sums
-- of points alone.
-- +goose StatementBegin
create or replace function entries_booked() returns trigger language plpgsql as $$
declare
  told text := current_setting('regulars.summed', true);
  was  text;
begin
  if told in ('yes', 'kept') then
    was := set_config('regulars.summed', '', true);
  end if;
  if told = 'kept' then
    return null;
  end if;
  was := current_setting('enable_seqscan');
  perform set_config('enable_seqscan', 'off', true);
  update facts set wallets = null where member_id = any (array(select distinct member_id from fresh)) and wallets is not null;
  if told is distinct from 'yes' then
    insert into point_moves (what, month, day, n)
    select kind, '', day, sum(amount) from fresh where wallet = 'points' group by kind, day
    union all
    select 'sales', '', f.day, sum(o.total - o.refunded)
    from  (select order_id, min(day) as day, count(*) as n from fresh where wallet = 'points' and kind = 'earn' and order_id is not null group by order_id) f
    join   orders o on o.id = f.order_id and o.counts
    where  f.n = (select count(*) from entries e where e.order_id = f.order_id and e.wallet = 'points' and e.kind = 'earn')
    group  by f.day;
  end if;
  perform set_config('enable_seqscan', was, true);
  return null;
end $$;
-- +goose StatementEnd

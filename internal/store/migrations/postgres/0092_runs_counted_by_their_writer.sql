-- +goose Up

-- Who freezes an audience knows how many mails it has by reason, and counts them in that
-- transaction; who notes the audience then says so by regulars.counted. The trigger counts
-- what an older binary freezes, by reading all of it.
-- +goose StatementBegin
create or replace function count_frozen() returns trigger language plpgsql as $$
begin
  if current_setting('regulars.counted', true) = 'yes' then
    perform set_config('regulars.counted', '', true);
    return null;
  end if;
  insert into count_changes (campaign_id, day, run_id, step, class, sent_day, state, reason, n)
  select campaign_id, day, new.id, step, class,
         case when state in ('queued', 'claimed', 'handing', 'deferred') then -1 else coalesce(sent_day, -1) end,
         case when state in ('queued', 'claimed', 'handing', 'deferred') then 'pending' else state end,
         case when state in ('queued', 'claimed', 'handing', 'deferred') then '' else reason end,
         count(*)
  from   sends
  where  run_id = new.id
  group  by 1, 2, 3, 4, 5, 6, 7, 8;
  return null;
end $$;
-- +goose StatementEnd
alter function count_frozen() set enable_sort = off;

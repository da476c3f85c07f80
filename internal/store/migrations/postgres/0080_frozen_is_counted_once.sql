-- +goose Up

-- A run is counted when its audience is noted, in the transaction that froze it, and no
-- longer by a copy of each new row: to keep that cost as much as to write the row. Single
-- mails are counted one by one.
-- +goose StatementBegin
create function count_single() returns trigger language plpgsql as $$
begin
  insert into count_changes (campaign_id, day, run_id, step, class, sent_day, state, reason, n)
  values (new.campaign_id, new.day, 0, new.step, new.class,
          case when new.state in ('queued', 'claimed', 'handing', 'deferred') then -1 else coalesce(new.sent_day, -1) end,
          case when new.state in ('queued', 'claimed', 'handing', 'deferred') then 'pending' else new.state end,
          case when new.state in ('queued', 'claimed', 'handing', 'deferred') then '' else new.reason end, 1);
  return null;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function count_frozen() returns trigger language plpgsql as $$
begin
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

drop trigger sends_new on sends;
drop function count_new_sends();
create trigger sends_new after insert on sends
for each row when (new.run_id is null) execute function count_single();
create trigger runs_frozen after update of audience on runs
for each row when (old.audience = 0 and new.audience > 0) execute function count_frozen();

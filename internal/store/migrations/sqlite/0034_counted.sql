-- +goose Up

-- What the ledger holds, whatever its triggers have counted of it since they are there.
delete from counts;
insert into counts (campaign_id, day, run_id, step, class, sent_day, state, reason, n)
select campaign_id, day, coalesce(run_id, 0), step, class,
       case when state in ('queued', 'claimed', 'handing', 'deferred') then -1 else coalesce(sent_day, -1) end,
       case when state in ('queued', 'claimed', 'handing', 'deferred') then 'pending' else state end,
       case when state in ('queued', 'claimed', 'handing', 'deferred') then '' else reason end,
       count(*)
from   sends
group  by 1, 2, 3, 4, 5, 6, 7, 8;

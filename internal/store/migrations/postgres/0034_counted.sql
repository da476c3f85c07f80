-- +goose Up

-- What the ledger held before it was counted: all of it less what its triggers have
-- counted since. Both are read as of one moment, so that nobody has to wait meanwhile.
insert into counts (campaign_id, day, run_id, step, class, sent_day, state, reason, n)
select campaign_id, day, run_id, step, class, sent_day, state, reason, sum(n)
from  (select campaign_id, day, coalesce(run_id, 0) as run_id, step, class,
              case when state in ('queued', 'claimed', 'handing', 'deferred') then -1 else coalesce(sent_day, -1) end as sent_day,
              case when state in ('queued', 'claimed', 'handing', 'deferred') then 'pending' else state end as state,
              case when state in ('queued', 'claimed', 'handing', 'deferred') then '' else reason end as reason,
              count(*) as n
       from   sends
       group  by 1, 2, 3, 4, 5, 6, 7, 8
       union all
       select campaign_id, day, run_id, step, class, sent_day, state, reason, -n from count_changes) s
group  by 1, 2, 3, 4, 5, 6, 7, 8
having sum(n) <> 0;

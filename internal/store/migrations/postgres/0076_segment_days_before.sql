-- +goose Up

-- The stays of before: all less what triggers have counted since. Both are read as of one
-- moment, so that nobody has to wait meanwhile.
insert into segment_days (segment_id, day, came, went)
select segment_id, day, sum(came), sum(went)
from  (select segment_id, entered_day as day, count(*) as came, 0 as went from segment_members group by segment_id, entered_day
       union all
       select segment_id, left_day, 0, count(*) from segment_members where left_day is not null group by segment_id, left_day
       union all
       select segment_id, day, -came, -went from segment_moves) m
group  by segment_id, day
having sum(came) <> 0 or sum(went) <> 0;

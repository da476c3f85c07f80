-- +goose Up

-- The stays of before, and since: all of them, for nobody else writes meanwhile.
delete from segment_days;
insert into segment_days (segment_id, day, came, went)
select segment_id, day, sum(came), sum(went)
from  (select segment_id, entered_day as day, count(*) as came, 0 as went from segment_members group by segment_id, entered_day
       union all
       select segment_id, left_day, 0, count(*) from segment_members where left_day is not null group by segment_id, left_day) m
group  by segment_id, day;

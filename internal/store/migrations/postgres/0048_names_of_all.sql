-- +goose Up

-- Those who are there already. Whoever looks for them finds them meanwhile, more slowly.
insert into names_due (member_id) select id from members where merged_into is null and erased_at is null;

-- What became of the codes before it was counted: all of them less what is counted since.
-- Both are read as of one moment.
insert into pool_moves (pool_id, free, reserved, issued, void)
select pool_id, sum(free), sum(reserved), sum(issued), sum(void)
from  (select pool_id, count(*) filter (where state = 'free') as free, count(*) filter (where state = 'reserved') as reserved,
              count(*) filter (where state = 'issued') as issued, count(*) filter (where state = 'void') as void
       from   codes group by pool_id
       union  all
       select id, -free, -reserved, -issued, -void from pools
       union  all
       select pool_id, -free, -reserved, -issued, -void from pool_moves) c
group  by pool_id;

-- +goose Up

-- What was booked before it was summed: all of it less what triggers have summed since.
-- Both are read as of one moment, so that nobody has to wait meanwhile.
insert into point_sums (what, month, day, n)
select what, month, day, sum(n)
from  (select kind as what, '' as month, day, sum(amount) as n from entries where wallet = 'points' group by kind, day
       union all
       select case when e.kind = 'takeback' then 'back' when e.kind in ('redeem', 'return') then 'spent' else 'lost' end,
              to_char(date '1970-01-01' + cast(c.day as integer), 'YYYY-MM'), greatest(c.day, e.day), sum(d.amount)
       from   draws d
       join   entries c on c.id = d.credit_id and c.wallet = 'points' and c.kind = 'earn'
       join   entries e on e.id = d.debit_id
       group  by 1, 2, 3
       union all
       select 'sales', '', f.day, sum(o.total - o.refunded)
       from  (select order_id, min(day) as day from entries where wallet = 'points' and kind = 'earn' and order_id is not null group by order_id) f
       join   orders o on o.id = f.order_id and o.counts
       group  by f.day
       union all
       select what, month, day, -n from point_moves) s
group  by what, month, day
having sum(n) <> 0;

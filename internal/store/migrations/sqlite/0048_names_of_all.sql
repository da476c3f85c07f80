-- +goose Up

-- Those who are there already. Whoever looks for them finds them meanwhile, more slowly.
insert into names_due (member_id) select id from members where merged_into is null and erased_at is null;

-- What became of the codes before it was counted.
update pools
set    free     = (select count(*) from codes c where c.pool_id = pools.id and c.state = 'free'),
       reserved = (select count(*) from codes c where c.pool_id = pools.id and c.state = 'reserved'),
       issued   = (select count(*) from codes c where c.pool_id = pools.id and c.state = 'issued'),
       void     = (select count(*) from codes c where c.pool_id = pools.id and c.state = 'void');

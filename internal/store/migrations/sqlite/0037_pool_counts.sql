-- +goose Up

-- What a pool has given is counted as it changes, so that giving one more code need not
-- count all before it. Who writes is alone here, so the row itself changes at once.

alter table pools add column made  bigint not null default 0; -- codes that are not void
alter table pools add column given bigint not null default 0; -- of these, neither free nor aside
alter table pools add column open  bigint not null default 0; -- of these, not expired
alter table pools add column spent bigint not null default 0; -- discounts of uses that stand, minor units

-- On Postgres: what changed since the pool's row was written. Here it stays empty.
create table pool_moves (
  id      integer primary key,
  pool_id bigint not null,
  made    bigint not null default 0,
  given   bigint not null default 0,
  open    bigint not null default 0,
  spent   bigint not null default 0
);
create index pool_moves_pool on pool_moves (pool_id);

update pools
set    made  = (select count(*) from codes c where c.pool_id = pools.id and c.state <> 'void'),
       given = (select count(*) from codes c where c.pool_id = pools.id and c.state not in ('void', 'free', 'aside')),
       open  = (select count(*) from codes c where c.pool_id = pools.id and c.state in ('reserved', 'issued', 'redeemed')),
       spent = (select coalesce(sum(r.discount), 0) from redemptions r where r.pool_id = pools.id and not r.undone);

-- Uses that their orders took back are few, and a budget asks for them each time.
create index redemptions_undone on redemptions (pool_id) where undone;

-- +goose StatementBegin
create trigger codes_added after insert on codes begin
  update pools
  set    made  = made + case when new.state <> 'void' then 1 else 0 end,
         given = given + case when new.state not in ('void', 'free', 'aside') then 1 else 0 end,
         open  = open + case when new.state in ('reserved', 'issued', 'redeemed') then 1 else 0 end
  where  id = new.pool_id;
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger codes_removed after delete on codes begin
  update pools
  set    made  = made - case when old.state <> 'void' then 1 else 0 end,
         given = given - case when old.state not in ('void', 'free', 'aside') then 1 else 0 end,
         open  = open - case when old.state in ('reserved', 'issued', 'redeemed') then 1 else 0 end
  where  id = old.pool_id;
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger codes_changed after update of state on codes when old.state <> new.state begin
  update pools
  set    made  = made + case when new.state <> 'void' then 1 else 0 end - case when old.state <> 'void' then 1 else 0 end,
         given = given + case when new.state not in ('void', 'free', 'aside') then 1 else 0 end - case when old.state not in ('void', 'free', 'aside') then 1 else 0 end,
         open  = open + case when new.state in ('reserved', 'issued', 'redeemed') then 1 else 0 end - case when old.state in ('reserved', 'issued', 'redeemed') then 1 else 0 end
  where  id = new.pool_id;
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger redemptions_added after insert on redemptions when not new.undone begin
  update pools set spent = spent + coalesce(new.discount, 0) where id = new.pool_id;
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger redemptions_removed after delete on redemptions when not old.undone begin
  update pools set spent = spent - coalesce(old.discount, 0) where id = old.pool_id;
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger redemptions_changed after update of discount, undone on redemptions begin
  update pools
  set    spent = spent + case when new.undone then 0 else coalesce(new.discount, 0) end - case when old.undone then 0 else coalesce(old.discount, 0) end
  where  id = new.pool_id;
end;
-- +goose StatementEnd

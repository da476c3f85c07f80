-- +goose Up

-- By what people look for a member: the shop's id, the last name, both names, as a search
-- folds them (report/names.go).
create table member_names (
  name      text   not null,
  member_id bigint not null,
  primary key (name, member_id)
) without rowid;
create index member_names_member on member_names (member_id);

-- Whose names are to be folded anew. Triggers write it, so that whatever changes a name
-- is noticed. Each change has a row of its own, so that none is taken for an earlier one.
create table names_due (
  id        integer primary key,
  member_id bigint not null
);
create index names_due_member on names_due (member_id);

-- +goose StatementBegin
create trigger members_came after insert on members
begin
  insert into names_due (member_id) values (new.id);
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger members_renamed after update of external_id, first_name, last_name, merged_into, erased_at on members
when old.external_id <> new.external_id or old.first_name <> new.first_name or old.last_name <> new.last_name
     or old.merged_into is not new.merged_into or old.erased_at is not new.erased_at
begin
  insert into names_due (member_id) values (new.id);
end;
-- +goose StatementEnd

-- What only going through a campaign's mails, orders and codes tells, as it was counted
-- last. Counting it costs a large shop seconds, so it is counted the less often the longer
-- that takes (report/figures.go).
create table campaign_figures (
  campaign_id bigint primary key,
  as_of       timestamp not null,  -- business time
  again_at    timestamp not null,  -- machine time: when it is to be counted again
  body        text      not null   -- JSON; '': so few mails that pages count them themselves
);

-- What has become of a pool's codes is counted as it changes, too, so that a page, a scrape
-- and an alert need not go through all of them. With what is counted already the rest
-- follows: expired = given - open, redeemed = open - reserved - issued, aside = made - given - free.
alter table pools add column free bigint not null default 0;
alter table pools add column reserved bigint not null default 0;
alter table pools add column issued bigint not null default 0;
alter table pools add column void bigint not null default 0;
alter table pool_moves add column free bigint not null default 0;
alter table pool_moves add column reserved bigint not null default 0;
alter table pool_moves add column issued bigint not null default 0;
alter table pool_moves add column void bigint not null default 0;

drop trigger codes_added;
-- +goose StatementBegin
create trigger codes_added after insert on codes begin
  update pools
  set    made = made + case when new.state <> 'void' then 1 else 0 end,
         given = given + case when new.state not in ('void', 'free', 'aside') then 1 else 0 end,
         open = open + case when new.state in ('reserved', 'issued', 'redeemed') then 1 else 0 end,
         free = free + case when new.state = 'free' then 1 else 0 end,
         reserved = reserved + case when new.state = 'reserved' then 1 else 0 end,
         issued = issued + case when new.state = 'issued' then 1 else 0 end,
         void = void + case when new.state = 'void' then 1 else 0 end
  where  id = new.pool_id;
end;
-- +goose StatementEnd

drop trigger codes_removed;
-- +goose StatementBegin
create trigger codes_removed after delete on codes begin
  update pools
  set    made = made - case when old.state <> 'void' then 1 else 0 end,
         given = given - case when old.state not in ('void', 'free', 'aside') then 1 else 0 end,
         open = open - case when old.state in ('reserved', 'issued', 'redeemed') then 1 else 0 end,
         free = free - case when old.state = 'free' then 1 else 0 end,
         reserved = reserved - case when old.state = 'reserved' then 1 else 0 end,
         issued = issued - case when old.state = 'issued' then 1 else 0 end,
         void = void - case when old.state = 'void' then 1 else 0 end
  where  id = old.pool_id;
end;
-- +goose StatementEnd

drop trigger codes_changed;
-- +goose StatementBegin
create trigger codes_changed after update of state on codes when old.state <> new.state begin
  update pools
  set    made = made + case when new.state <> 'void' then 1 else 0 end - case when old.state <> 'void' then 1 else 0 end,
         given = given + case when new.state not in ('void', 'free', 'aside') then 1 else 0 end - case when old.state not in ('void', 'free', 'aside') then 1 else 0 end,
         open = open + case when new.state in ('reserved', 'issued', 'redeemed') then 1 else 0 end - case when old.state in ('reserved', 'issued', 'redeemed') then 1 else 0 end,
         free = free + case when new.state = 'free' then 1 else 0 end - case when old.state = 'free' then 1 else 0 end,
         reserved = reserved + case when new.state = 'reserved' then 1 else 0 end - case when old.state = 'reserved' then 1 else 0 end,
         issued = issued + case when new.state = 'issued' then 1 else 0 end - case when old.state = 'issued' then 1 else 0 end,
         void = void + case when new.state = 'void' then 1 else 0 end - case when old.state = 'void' then 1 else 0 end
  where  id = new.pool_id;
end;
-- +goose StatementEnd

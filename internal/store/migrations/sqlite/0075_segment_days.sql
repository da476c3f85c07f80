-- +goose Up

-- As on Postgres.
create table segment_days (
  segment_id bigint not null,
  day        bigint not null,
  came       bigint not null,
  went       bigint not null,
  primary key (segment_id, day)
) without rowid;

-- On Postgres: what transactions have brought since. Here it stays empty.
create table segment_moves (
  id         integer primary key,
  segment_id bigint not null,
  day        bigint not null,
  came       bigint not null,
  went       bigint not null
);
create index segment_moves_segment on segment_moves (segment_id);

create view segments_moved as
select segment_id, day, came, went from segment_days
union all
select segment_id, day, came, went from segment_moves;

-- +goose StatementBegin
create trigger segment_members_new after insert on segment_members begin
  insert into segment_days (segment_id, day, came, went) values (new.segment_id, new.entered_day, 1, 0)
  on conflict (segment_id, day) do update set came = came + 1;
  insert into segment_days (segment_id, day, came, went) select new.segment_id, new.left_day, 0, 1 where new.left_day is not null
  on conflict (segment_id, day) do update set went = went + 1;
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger segment_members_changed after update of segment_id, entered_day, left_day on segment_members
when old.left_day is not new.left_day or old.entered_day <> new.entered_day or old.segment_id <> new.segment_id begin
  insert into segment_days (segment_id, day, came, went) values (old.segment_id, old.entered_day, -1, 0)
  on conflict (segment_id, day) do update set came = came - 1;
  insert into segment_days (segment_id, day, came, went) select old.segment_id, old.left_day, 0, -1 where old.left_day is not null
  on conflict (segment_id, day) do update set went = went - 1;
  insert into segment_days (segment_id, day, came, went) values (new.segment_id, new.entered_day, 1, 0)
  on conflict (segment_id, day) do update set came = came + 1;
  insert into segment_days (segment_id, day, came, went) select new.segment_id, new.left_day, 0, 1 where new.left_day is not null
  on conflict (segment_id, day) do update set went = went + 1;
end;
-- +goose StatementEnd

-- +goose Up

-- What all members together are like at the end of a day: segments.Norms.
create table norms (
  day         bigint primary key,
  computed_at timestamp   not null,
  spec        text        not null
);

-- A segment whose rule is right but could not be answered stays as it was, and
-- does not keep the others from going on.
alter table segments add column failed_day bigint;                   -- the pass of this day could not ask it; null: it could
alter table segments add column because    text not null default ''; -- why

-- +goose Up

-- What a replica sees from where it stands; readers judge by the database's clock.
alter table replicas add column host        text   not null default '';
alter table replicas add column clock_ahead bigint not null default 0;     -- microseconds that its clock is ahead of the database's; behind: negative
alter table replicas add column troubles    jsonb  not null default '[]';  -- [{kind, what, do}]

-- One row. It rises every few seconds while Regulars works, and is noted outside
-- the database too: one that is behind what was noted was restored.
create table beats (
  id integer primary key,
  n  bigint not null,
  at timestamptz not null            -- machine time
);

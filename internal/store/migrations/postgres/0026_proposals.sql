-- +goose Up

-- When a session's user last gave their password; null: when it began. The machine's time.
alter table sessions add column proved_at timestamptz;

-- Changes of the program that somebody wrote in the console. They are in force once
-- somebody has applied them; nothing of the marketer's own directory is written.
create table proposals (
  id           bigint generated always as identity primary key,
  title        text not null,
  state        text not null,            -- draft | proposed | applied | dropped
  base_id      bigint not null,          -- the version that it was begun from
  files        jsonb not null,           -- what is other than there, a map: file → its text, or null where it is taken away
  author       text not null,            -- console: anna@shop.example
  created_at   timestamptz not null,
  changed_at   timestamptz not null,
  decided_by   text not null default '', -- who applied it, or dropped it
  decided_at   timestamptz,
  because      text not null default '', -- why it was dropped
  version_id   bigint                    -- what it became
);
create index proposals_open on proposals (id) where state in ('draft', 'proposed');

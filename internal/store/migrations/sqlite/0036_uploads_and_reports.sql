-- +goose Up

-- How far a job is that tells of it, and whether somebody wants it to end before that.
alter table jobs add column progress text not null default '';        -- JSON; '': it has told nothing
alter table jobs add column stop_asked boolean not null default false;

-- Files that people handed to the console. A job takes them in, on whichever replica:
-- their bytes stand here until it has, or until nobody has wanted them for a while.
create table uploads (
  id       integer primary key autoincrement,
  kind     text   not null,             -- members | orders | suppressions
  name     text   not null,             -- what the file was called where it came from
  size     bigint not null,             -- bytes
  given    text   not null default '{}', -- JSON: how it is to be read, as enqueue import takes it
  found    text   not null default '{}', -- JSON: what the last look found; emptied when it is taken in
  by_whom  text   not null,
  at       timestamp not null,
  job_id   bigint,                      -- null: nobody has started it
  taken_at timestamp,                 -- null: it is not in
  said     text   not null default ''   -- then: what came of it, in words
);
create index uploads_job on uploads (job_id) where job_id is not null;

create table upload_parts (
  upload_id bigint  not null,
  what      text    not null,           -- file | refused: its refused rows, as a table to take away
  n         integer not null,
  bytes     blob    not null,
  primary key (upload_id, what, n)
);

-- Reports that take too long for whoever asks, as a job counted them last. They name no
-- member.
create table kept_reports (
  name  text   not null,     -- of the report, or month
  day   bigint not null,     -- as of the end of which it was asked; 0: of the present one
  as_of timestamp not null,
  body  text   not null,     -- JSON
  primary key (name, day)
);

-- Which codes were used of late, without going through all of them.
create index redemptions_day on redemptions (day, pool_id);

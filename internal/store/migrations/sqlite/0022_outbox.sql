-- +goose Up

-- Where the program in force has webhooks sent to. One that a later program no longer
-- has is gone, with what waits for it.
create table hook_destinations (
  id           integer     primary key autoincrement,
  name         text        not null unique,
  url          text        not null,
  events       text        not null,                -- the types of event that it wants, a list
  email        boolean     not null,            -- it is told members' addresses, too
  disabled     text        not null default '', -- because of what nothing is sent; '': something is
  disabled_at  timestamp  ,                     -- business time
  failures     integer     not null default 0,  -- pieces of work in a row of which nothing was taken
  failing      text        not null default '', -- what it answered last then; never its own words
  failing_at   timestamp  ,                     -- machine time: since when
  rest_until   timestamp                        -- machine time: until then it is spared
);

-- What a destination is told: written in the transaction in which it happened. It holds
-- no personal data: the member's id and address are read when it is sent.
create table hook_deliveries (
  id             integer     primary key autoincrement,
  destination_id bigint      not null,
  type           text        not null,             -- mail.sent, code.redeemed …
  member_id      bigint,                           -- null: it is about nobody
  at             timestamp   not null,             -- business time: when it happened
  detail         text        not null,             -- what the type tells beside the member
  state          text        not null default 'waiting', -- waiting | delivered | dead
  attempts       integer     not null default 0,   -- begun
  next_at        timestamp   not null,             -- machine time: when it may be sent; of one in flight, when its lease is over
  status         integer     not null default 0,   -- what was answered last; 0: nothing
  because        text        not null default '',  -- of the last attempt that failed
  written_at     timestamp   not null,             -- machine time
  done_at        timestamp                         -- machine time: delivered, or given up
);
create index hook_deliveries_waiting on hook_deliveries (destination_id, next_at, id) where state = 'waiting';
create index hook_deliveries_dead on hook_deliveries (destination_id, id) where state = 'dead';

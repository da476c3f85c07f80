-- +goose Up

-- Who may sign in to the console.
create table users (
  id         integer primary key autoincrement,
  email      text not null unique,   -- folded, domain in punycode
  role       text not null,          -- viewer | marketer | launcher | admin
  password   text not null default '', -- argon2id with its parameters and salt; '': none was chosen yet
  link_hash  blob unique,           -- SHA-256 of the link by which a password is chosen; null: none is open
  link_until timestamp,            -- machine time
  created_at timestamp not null,
  created_by text not null
);

-- Who is signed in. All times are the machine's.
create table sessions (
  hash     blob primary key,        -- SHA-256 of what the cookie holds
  user_id  bigint not null,
  began_at timestamp not null,
  seen_at  timestamp not null
);
create index sessions_user on sessions (user_id);

-- Tries to sign in, of the last hour: a row for each thing that they are counted by.
create table sign_in_tries (
  who blob not null,                -- SHA-256 of an account, a network address, or both
  at  timestamp not null           -- machine time
);
create index sign_in_tries_who on sign_in_tries (who, at);
create index sign_in_tries_at on sign_in_tries (at);

-- What people did. Rows come, and never change.
create table audit (
  id      integer primary key autoincrement,
  at      timestamp not null,
  by_whom text not null,             -- console: anna@shop.example | command line: anna | api: till
  act     text not null,             -- hold, release, pause …
  about   text not null,             -- campaign win-back, run 7, member 12: never a name or an address of a member
  before  text not null default '',
  after   text not null default ''
);

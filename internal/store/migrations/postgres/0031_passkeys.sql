-- +goose Up

-- By what users sign in beside a password. All times are the machine's.
create table passkeys (
  id         bigint generated always as identity primary key,
  user_id    bigint not null,
  key_id     bytea not null unique, -- as the authenticator calls it
  name       text not null,         -- as its user calls it
  credential text not null,         -- JSON: public key, sign counter, backup flags
  added_at   timestamptz not null,
  used_at    timestamptz            -- null: never since it was added
);
create index passkeys_user on passkeys (user_id);

-- What was asked of a browser and is not answered yet, for some minutes. Each is used once.
create table challenges (
  hash    bytea primary key, -- SHA-256 of the challenge, or of the state of OIDC
  holder  bytea not null,    -- SHA-256 of the cookie of the browser that was asked
  purpose text not null,     -- enter | again | add | oidc | oidc again
  data    text not null,     -- JSON: what the answer is held against, without the challenge itself
  until   timestamptz not null
);
create index challenges_until on challenges (until);

alter table users add column oidc_at timestamptz; -- when they last came in by OIDC; null: never

-- +goose Up

-- By what users sign in beside a password. All times are the machine's.
create table passkeys (
  id         integer primary key autoincrement,
  user_id    bigint not null,
  key_id     blob not null unique, -- as the authenticator calls it
  name       text not null,         -- as its user calls it
  credential text not null,         -- JSON: public key, sign counter, backup flags
  added_at   timestamp not null,
  used_at    timestamp            -- null: never since it was added
);
create index passkeys_user on passkeys (user_id);

-- What was asked of a browser and is not answered yet, for some minutes. Each is used once.
create table challenges (
  hash    blob primary key, -- SHA-256 of the challenge, or of the state of OIDC
  holder  blob not null,    -- SHA-256 of the cookie of the browser that was asked
  purpose text not null,     -- enter | again | add | oidc | oidc again
  data    text not null,     -- JSON: what the answer is held against, without the challenge itself
  until   timestamp not null
);
create index challenges_until on challenges (until);

alter table users add column oidc_at timestamp; -- when they last came in by OIDC; null: never

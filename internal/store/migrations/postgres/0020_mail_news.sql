-- +goose Up

-- What providers and mail servers told of mails that went out, each once. No address
-- is in it. Thrown away after a while (engine/retention.go).
create table mail_news (
  source   text   not null,         -- ses | sendgrid | … | mail
  id       text   not null,         -- the sender's own of the event
  what     text   not null,         -- delivered | bounced | complained | …
  send_id  bigint,                  -- null: none of ours that can be told
  effect   text   not null default '',  -- in words
  heard_at timestamptz not null,      -- business time
  primary key (source, id)
);
create index mail_news_heard on mail_news (heard_at);
create index mail_news_send on mail_news (send_id) where send_id is not null;

-- Full mailboxes: 5 in a row over at least 14 days suppress the address.
create table soft_bounces (
  email_key bytea primary key,       -- HMAC(pepper, folded address)
  n         integer not null,       -- sends that came back, since the last that arrived
  first_at  timestamptz not null,
  last_at   timestamptz not null,
  send_id   bigint not null         -- the last: told of twice, it counts once
);
create index soft_bounces_last on soft_bounces (last_at);

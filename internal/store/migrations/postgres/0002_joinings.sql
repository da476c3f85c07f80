-- +goose Up

-- Double opt-in: who asked to join, was asked back by mail, and what they agreed
-- to on asking. None of it stands before confirmed_at.
create table joinings (
  member_id    bigint primary key,
  asked_at     timestamptz not null,   -- when the member asked first
  mailed_at    timestamptz not null,   -- when the last mail was queued: the next, a day later at the earliest
  email_key    bytea not null,         -- the address that it was for: a link proves no other
  event_id     bigint not null,        -- events.id that asked last
  answers      jsonb not null,         -- [{topic, source, said, at}] of the topics said yes to; at in RFC 3339
  confirmed_at timestamptz             -- null: not yet
);

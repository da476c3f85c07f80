-- +goose Up

-- How many mails came to what. Triggers of the ledger write it, so that whatever changes
-- a mail is counted, an older binary and a statement by hand among them. A mail that is
-- deleted was sent all the same: it stays counted. doctor compares with the ledger.
create table counts (
  campaign_id bigint not null,
  day         bigint not null,     -- as in sends
  run_id      bigint not null,     -- 0: singly
  step        text   not null,
  class       text   not null,
  sent_day    bigint not null,     -- as in sends; -1: not handed over, or not over
  state       text   not null,     -- as in sends, but pending for queued, claimed, handing and deferred
  reason      text   not null,     -- of what is over
  n           bigint not null,     -- mails
  primary key (campaign_id, day, run_id, step, class, sent_day, state, reason)
) without rowid;
create index counts_run on counts (run_id) where run_id <> 0;
create index counts_sent on counts (sent_day, state);
create index counts_unknown on counts (campaign_id) where state = 'unknown';

-- What is read: on Postgres there is more to it.
create view counted as
select campaign_id, day, run_id, step, class, sent_day, state, reason, n from counts;

-- +goose StatementBegin
create trigger sends_new after insert on sends
begin
  insert into counts (campaign_id, day, run_id, step, class, sent_day, state, reason, n)
  values (new.campaign_id, new.day, coalesce(new.run_id, 0), new.step, new.class,
          case when new.state in ('queued', 'claimed', 'handing', 'deferred') then -1 else coalesce(new.sent_day, -1) end,
          case when new.state in ('queued', 'claimed', 'handing', 'deferred') then 'pending' else new.state end,
          case when new.state in ('queued', 'claimed', 'handing', 'deferred') then '' else new.reason end, 1)
  on conflict (campaign_id, day, run_id, step, class, sent_day, state, reason) do update set n = n + 1;
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger sends_changed after update of state, reason, sent_day, campaign_id, day, run_id, step, class on sends
when not (old.state in ('queued', 'claimed', 'handing', 'deferred') and new.state in ('queued', 'claimed', 'handing', 'deferred'))
     and (old.state <> new.state or old.reason <> new.reason or old.sent_day is not new.sent_day)
     or old.campaign_id <> new.campaign_id or old.day <> new.day or old.run_id is not new.run_id or old.step <> new.step or old.class <> new.class
begin
  insert into counts (campaign_id, day, run_id, step, class, sent_day, state, reason, n)
  values (old.campaign_id, old.day, coalesce(old.run_id, 0), old.step, old.class,
          case when old.state in ('queued', 'claimed', 'handing', 'deferred') then -1 else coalesce(old.sent_day, -1) end,
          case when old.state in ('queued', 'claimed', 'handing', 'deferred') then 'pending' else old.state end,
          case when old.state in ('queued', 'claimed', 'handing', 'deferred') then '' else old.reason end, -1)
  on conflict (campaign_id, day, run_id, step, class, sent_day, state, reason) do update set n = n - 1;
  insert into counts (campaign_id, day, run_id, step, class, sent_day, state, reason, n)
  values (new.campaign_id, new.day, coalesce(new.run_id, 0), new.step, new.class,
          case when new.state in ('queued', 'claimed', 'handing', 'deferred') then -1 else coalesce(new.sent_day, -1) end,
          case when new.state in ('queued', 'claimed', 'handing', 'deferred') then 'pending' else new.state end,
          case when new.state in ('queued', 'claimed', 'handing', 'deferred') then '' else new.reason end, 1)
  on conflict (campaign_id, day, run_id, step, class, sent_day, state, reason) do update set n = n + 1;
end;
-- +goose StatementEnd

-- Who has joined and who is only known is counted without reading the members.
create index members_there on members (joined_day, merged_into, erased_at);

-- +goose Up

-- What intake committed, or a pass found, and marketing reacts to.
create table happenings (
  id         integer     primary key autoincrement,
  kind       text        not null, -- event | history | changed | learned | entered | left | used
  member_id  bigint      not null,
  taken_at   timestamp   not null, -- business time of the transaction that committed it
  detail     text        not null  -- of the event: what it changed; of a stay: the segment and when
);

-- What one campaign has still to do about a happening; campaign 0 is who is in
-- which segment. Reacting deletes the row.
create table reactions (
  campaign_id  bigint  not null,
  happening_id bigint  not null,
  member_id    bigint  not null,
  tries        integer not null default 0,
  retry_at     timestamp  , -- machine time; set: it failed, and waits
  because      text    not null default '',
  primary key (campaign_id, happening_id)
);
create index reactions_member on reactions (member_id);
create index reactions_happening on reactions (happening_id);

-- Work that failed and is set aside, so that it holds up nothing else.
create table setbacks (
  scope    text        not null, -- campaign:<id> | segment:<id>
  work     text        not null, -- reactions | passages | dates | timetable | settling | runs | mails | rules …
  because  text        not null,
  since    timestamp   not null, -- business time
  tries    integer     not null,
  retry_at timestamp   not null, -- machine time
  primary key (scope, work)
);

-- Whoever takes passages on does so for one campaign.
create index passages_campaign_wake on passages (campaign_id, wake_at) where wake_at is not null;
drop index passages_wake;

-- Those that wait since their step failed are few, and asked for often.
create index passages_failed on passages (campaign_id) where reason >= 'failed: ' and reason < 'failed;';

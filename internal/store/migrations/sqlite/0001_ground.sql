-- +goose Up

-- Instants are UTC, as microseconds since 1970. "day" and *_day are days of the shop's zone since 1970-01-01,
-- computed in Go. Money is in minor units of the program's one currency.

-- What the installation knows about itself: its secrets and the active version.
create table settings (
  key   text primary key,   -- zone, currency, active_version, secret_key, pepper …
  value text not null
);

-- ── members ────────────────────────────────────────────────────────────────

create table members (
  id          integer primary key autoincrement,
  external_id text   not null unique,        -- the shop's id; source:id or regulars:n until the shop gives one
  named       boolean not null default true, -- false: external_id was made up here and gives way to the shop's
  email       text   not null default '',    -- as written, trimmed; domain in punycode
  email_key   blob,                         -- HMAC(pepper, folded address): what suppressions know; null: no address
  phone       text   not null default '',
  card        text   not null default '',
  first_name  text   not null default '',
  last_name   text   not null default '',
  language    text   not null default '',    -- BCP 47
  country     text   not null default '',    -- ISO 3166-1 alpha-2
  time_zone   text   not null default '',    -- IANA; '': the shop's
  birth_year  integer,                       -- null: unknown, also when month and day are known
  birth_month integer,
  birth_date  integer,                       -- day of the month
  attributes  text  not null default '{}',
  joined_at   timestamp,                   -- null: known from an order only
  joined_day  bigint,
  referred_by text   not null default '',
  fingerprint blob,                         -- hash of the last imported row: the same row again changes nothing
  created_at  timestamp not null,
  changed_at  timestamp not null,
  erased_at   timestamp,
  merged_into bigint
);
create index members_email_key on members (email_key) where email_key is not null;
create index members_birthday on members (birth_month, birth_date) where birth_month is not null;

-- By what a person is found, in the order of design section 9.
create table member_keys (
  kind      text   not null,   -- id | email | card | phone | source:<name>
  value     text   not null,   -- email: folded to lower case, domain in punycode
  member_id bigint not null,
  primary key (kind, value, member_id)
);
create unique index member_keys_one on member_keys (kind, value) where kind not in ('email', 'phone', 'card');
create index member_keys_member on member_keys (member_id);

create table member_tags (
  member_id bigint not null,
  tag       text   not null,
  primary key (member_id, tag)
);
create index member_tags_tag on member_tags (tag, member_id);

-- The standing answer per topic; consents keeps how it came about.
create table member_topics (
  member_id  bigint  not null,
  topic      text    not null,   -- offers | newsletter | program
  granted    boolean not null,
  changed_at timestamp not null,
  primary key (member_id, topic)
);

create table consents (
  id         integer primary key autoincrement,
  member_id  bigint  not null,
  topic      text    not null,
  granted    boolean not null,
  at         timestamp not null,   -- when the person said so
  source     text    not null,       -- checkout, import, unsubscribe page …
  said       text    not null default '',  -- the text that was agreed to
  ip         text    not null default '',
  send_id    bigint,                 -- the mail whose link was used
  recorded_at timestamp not null
);
create index consents_member on consents (member_id, topic, at);

create table suppressions (
  email_key  blob primary key,      -- HMAC(pepper, folded address)
  reason     text not null,          -- hard_bounce | complaint | soft_bounces | manual | erased | import
  source     text not null default '',
  at         timestamp not null
);

-- ── orders and events ──────────────────────────────────────────────────────

create table orders (
  id          integer primary key autoincrement,
  source      text   not null,
  external_id text   not null,
  member_id   bigint not null,
  at          timestamp not null,  -- when it was placed
  day         bigint not null,
  status      text   not null,       -- pending | paid | cancelled | refunded | test
  counts      boolean not null,      -- status = 'paid': the only ones in figures
  total       bigint not null,       -- as sold, before refunds
  refunded    bigint not null default 0,
  discount    bigint not null default 0,
  quantity    bigint not null default 0,
  shop        text   not null default '',   -- point of sale
  version     bigint not null default 0,    -- the sender's, 0: none
  changed_at  timestamp not null,         -- event time of what we know last
  fingerprint blob,                        -- hash of the last imported rows
  unique (source, external_id)
);
create index orders_member on orders (member_id, day);
create index orders_day on orders (day);

create table order_lines (
  order_id  bigint  not null,
  n         integer not null,
  member_id bigint  not null,        -- with day and counts: copied, so that rules need no join
  day       bigint  not null,
  counts    boolean not null,
  product   text    not null default '',
  name      text    not null default '',
  category  text    not null default '',
  brand     text    not null default '',
  quantity  bigint  not null default 1,
  total     bigint  not null default 0,
  primary key (order_id, n)
);
create index order_lines_member on order_lines (member_id, category);
create index order_lines_category on order_lines (category, day);
create index order_lines_product on order_lines (product, day);

create table refunds (
  order_id    bigint not null,
  external_id text   not null,
  at          timestamp not null,
  total       bigint not null,
  primary key (order_id, external_id)
);

-- Every live event, once: the row is also what makes a second delivery harmless.
create table events (
  id          integer primary key autoincrement,
  source      text   not null,
  external_id text   not null,
  member_id   bigint not null,
  type        text   not null,
  at          timestamp not null,
  day         bigint not null,
  received_at timestamp not null,
  order_id    bigint,
  properties  text  not null default '{}',
  unique (source, external_id)
);
create index events_member on events (member_id, type, day);

create table point_changes (
  id        integer primary key autoincrement,
  member_id bigint not null,
  at        timestamp not null,
  day       bigint not null,
  balance   bigint,                  -- exactly one of balance and delta is set
  delta     bigint
);
create index point_changes_member on point_changes (member_id, at);

-- Raw bodies of foreign webhooks, kept 30 days for replay.
create table hooks (
  id          integer primary key autoincrement,
  source      text not null,
  external_id text not null,
  received_at timestamp not null,
  state       text not null,         -- stored | duplicate | refused | parked
  reason      text not null default '',
  body        blob
);
create index hooks_received on hooks (received_at);

-- One row per member, = segments.FactsSelect at today. Can be rebuilt at any time.
create table facts (
  member_id      bigint primary key,
  joined         boolean not null,
  joined_day     bigint,
  country        text    not null,
  language       text    not null,
  consent_offers     boolean not null,
  consent_newsletter boolean not null,
  consent_program    boolean not null,
  orders         bigint not null,    -- paid orders
  order_days     bigint not null,    -- distinct days with a paid order
  spent          bigint not null,    -- totals of paid orders less refunds
  quantity       bigint not null,
  largest        bigint,             -- of one paid order, less its refunds; null: no order
  smallest       bigint,
  first_day      bigint,             -- of the first and last paid order; null: no order
  last_day       bigint,
  points         bigint not null
);
create index facts_last_day on facts (last_day);

-- ── program, campaigns, segments ───────────────────────────────────────────

create table versions (
  id         integer primary key autoincrement,
  hash       text not null,
  files      text not null,         -- path → text of every file of the directory
  applied_by text not null,
  note       text not null default '',
  applied_at timestamp not null
);

create table campaigns (
  id         integer primary key autoincrement,
  name       text not null unique,   -- the folder's; renamed by "was"
  live       boolean not null,       -- false: draft
  live_since timestamp,            -- of the present stretch of being live
  live_day   bigint,
  settled    boolean not null default false, -- who was there already when it went live has been dealt with
  removed_at timestamp             -- no longer in the program
);

-- Which things a person stopped. A row is a hold; releasing deletes it.
create table holds (
  scope   text primary key,          -- all | offers | campaign:<id>
  because text not null,
  by_whom text not null,
  at      timestamp not null
);

create table segments (
  id      integer primary key autoincrement,
  name    text not null unique,
  rule    text not null,
  as_of_day bigint,                  -- the last day for which the nightly pass is done
  removed_at timestamp
);

-- One row per stay. left_at null: inside now.
create table segment_members (
  segment_id  bigint not null,
  member_id   bigint not null,
  entered_at  timestamp not null,
  entered_day bigint not null,
  left_at     timestamp,
  left_day    bigint,
  handled     boolean not null default false, -- campaigns that start on entering have seen it
  primary key (segment_id, member_id, entered_at)
);
create unique index segment_members_inside on segment_members (segment_id, member_id) where left_at is null;
create index segment_members_member on segment_members (member_id);
create index segment_members_unhandled on segment_members (segment_id, member_id) where not handled;

-- The next date of each scheduled campaign, per zone for "zone: member".
create table timetable (
  campaign_id bigint not null,
  zone        text   not null,       -- IANA; the shop's or a member's
  spec        text   not null,       -- the start it was computed from: another spec computes anew
  next_at     timestamp,           -- null: no further date
  next_key    text   not null default '',   -- the local date, the occurrence's key
  primary key (campaign_id, zone)
);
create index timetable_next on timetable (next_at) where next_at is not null;

-- Work that is due once per shop day, and who is doing it.
create table passes (
  name        text   not null,       -- midnight, retention …
  day         bigint not null,
  fence       bigint not null default 0,
  lease_until timestamp,           -- machine time
  started_at  timestamp,
  finished_at timestamp,
  note        text not null default '',
  primary key (name, day)
);

-- ── the ledger ─────────────────────────────────────────────────────────────

create table occurrences (
  id          integer primary key autoincrement,
  campaign_id bigint not null,
  key         text   not null,       -- 2027-06-21 | orders:5 | passage:3 | event:… | launch:…
  day         bigint not null,
  at          timestamp not null,
  decision    text   not null,       -- started | skipped
  reason      text   not null default '',
  vars        text  not null default '{}',  -- launch.… values
  started_by  text   not null default '',
  unique (campaign_id, key)
);
create index occurrences_day on occurrences (day);

create table runs (
  id            integer primary key autoincrement,
  occurrence_id bigint not null unique,
  campaign_id   bigint not null,
  version_id    bigint not null,     -- the texts and rules it started with
  step          text   not null,     -- the bulk step; later steps are passages
  class         text   not null,
  state         text   not null,     -- sending | paused | finished | cancelled
  because       text   not null default '',  -- why paused or cancelled
  audience      bigint not null default 0,   -- rows in sends
  expires_at    timestamp not null,        -- business time: after it what is left is "late"
  started_at    timestamp not null,
  finished_at   timestamp
);
create index runs_open on runs (state) where state in ('sending', 'paused');

-- One member's way through a flow.
create table passages (
  id            integer primary key autoincrement,
  campaign_id   bigint not null,
  occurrence_id bigint not null,
  member_id     bigint not null,
  version_id    bigint not null,
  day           bigint not null,     -- of the start: the day of all its sends
  started_at    timestamp not null,
  event_id      bigint,              -- what started it
  order_id      bigint,
  own_act_at    timestamp,         -- the member's own act that caused it: exempt from quiet hours for 15 minutes
  step          integer not null default 0,  -- the next step to take, by index
  step_name     text not null default '',    -- the last step passed, by name: where a new version goes on
  state         text not null,       -- ready | sending | done | exited | recorded (a milestone reached before going live)
  reason        text not null default '',
  wake_at       timestamp,         -- business time; null while sending and when over
  base_at       timestamp not null,        -- when the step before came to its final state: waits count from here
  unique (occurrence_id, member_id)
);
create index passages_wake on passages (wake_at) where wake_at is not null;
create index passages_member on passages (member_id, campaign_id);

-- The ledger: one mail to one member for one occurrence. No index mentions
-- state or lease, so that its updates stay heap-only.
create table sends (
  id            integer primary key autoincrement,
  day           bigint not null,     -- of the run's or passage's start; in the key so that months can be partitions
  occurrence_id bigint not null,
  step          text   not null,
  member_id     bigint not null,
  campaign_id   bigint not null,
  version_id    bigint not null,
  run_id        bigint,              -- null: single grain, and the passage is (occurrence, member)
  class         text   not null,     -- offer | earned | service
  topic         text   not null,
  state         text   not null,     -- queued | claimed | handing | sent | deferred | failed | skipped | unknown | bounced | complained
  reason        text   not null default '',
  code_id       bigint,
  fence         bigint not null default 0,
  attempts      integer not null default 0,  -- hand-overs begun
  queued_at     timestamp not null,
  expires_at    timestamp,         -- business time; null: never late
  handed_at     timestamp,         -- business time of the mark
  done_at       timestamp,         -- business time of the final state
  smtp_code     integer,
  smtp_text     text,
  email_key     blob,               -- the address it went to
  unique (occurrence_id, member_id, step, day)
);
create index sends_member on sends (member_id);
create index sends_run on sends (run_id, id) where run_id is not null;

-- What is queued singly, deferred, or to be tried again.
create table due (
  send_id    bigint primary key,
  lane       text   not null,        -- urgent | bulk
  not_before timestamp not null,   -- business time
  retry_at   timestamp,            -- machine time: back-off, or the end of a claim's lease
  fence      bigint not null default 0
);
create index due_next on due (lane, not_before);

-- A slice of a run's frozen audience: sends with lo <= id <= hi.
create table chunks (
  run_id      bigint  not null,
  n           integer not null,
  lo          bigint  not null,
  hi          bigint  not null,
  next_id     bigint  not null,      -- the first send not yet marked
  not_before  timestamp not null,  -- business time: waves, quiet hours
  fence       bigint  not null default 0,
  lease_until timestamp,           -- machine time
  done        boolean not null default false,
  primary key (run_id, n)
);
create index chunks_open on chunks (not_before) where not done;

-- Sends whose hand-over may have begun. Outlived by its chunk's lease, they are unknown.
create table batches (
  id        integer primary key autoincrement,
  run_id    bigint  not null,
  chunk     integer not null,
  fence     bigint  not null,
  send_ids  text   not null,        -- array of numbers
  marked_at timestamp not null     -- business time
);
create index batches_chunk on batches (run_id, chunk);

-- The last ten mails of class offer per member, newest first: caps are a
-- condition on this one row, so two campaigns cannot both pass.
create table recent_mails (
  member_id bigint primary key,
  at1 timestamp, at2 timestamp, at3 timestamp, at4 timestamp, at5  timestamp,
  at6 timestamp, at7 timestamp, at8 timestamp, at9 timestamp, at10 timestamp
);

-- ── coupons ────────────────────────────────────────────────────────────────

create table pools (
  id         integer primary key autoincrement,
  name       text not null unique,
  kind       text not null,          -- generated | imported | shared
  spec       text not null,         -- as in pools.yaml
  removed_at timestamp
);

create table codes (
  id            integer primary key autoincrement,
  pool_id       bigint not null,
  code          text   not null,     -- as printed
  folded        text   not null unique,  -- upper case, no separators, Crockford look-alikes mapped
  state         text   not null,     -- free | reserved | issued | redeemed | expired | void
  occurrence_id bigint,              -- whose it is: with the member, at most one per pool and passage
  member_id     bigint,
  reserved_at   timestamp,
  issued_at     timestamp,         -- its mail was sent
  valid_until   bigint,              -- the last shop day on which it is good; null: no end
  redeemed_at   timestamp,
  known_at      timestamp,         -- the shop has it (checkout: file)
  unique (pool_id, occurrence_id, member_id)
);
create index codes_free on codes (pool_id, id) where state = 'free';
create index codes_member on codes (member_id) where member_id is not null;

create table redemptions (
  id        integer primary key autoincrement,
  code_id   bigint not null,
  pool_id   bigint not null,
  member_id bigint,
  order_id  bigint,
  at        timestamp not null,
  day       bigint not null,
  discount  bigint not null default 0,
  unique (code_id, order_id)
);

-- ── people at the wheel ────────────────────────────────────────────────────

create table jobs (
  id          integer primary key autoincrement,
  kind        text  not null,
  payload     text not null,        -- ids and names, never personal data
  key         text  unique,          -- the same key is the same job
  lane        text  not null,
  state       text  not null,        -- queued | running | done | failed | cancelled
  run_at      timestamp not null,  -- business time
  retry_at    timestamp,           -- machine time
  attempts    integer not null default 0,
  fence       bigint not null default 0,
  lease_until timestamp,           -- machine time
  enqueued_by text  not null,
  enqueued_at timestamp not null,
  started_at  timestamp,
  finished_at timestamp,
  outcome     text  not null default ''   -- what it did, or the error in words
);
create index jobs_due on jobs (run_at) where state in ('queued', 'running');

create table api_tokens (
  id         integer primary key autoincrement,
  name       text  not null unique,
  hash       blob not null unique,  -- SHA-256 of the token, which is shown once
  scopes     text  not null,         -- comma-separated: read,write,launch,redeem
  created_at timestamp not null,
  revoked_at timestamp
);

create table replicas (
  id         text primary key,
  version    text not null,
  roles      text not null,
  started_at timestamp not null,   -- machine time
  seen_at    timestamp not null
);

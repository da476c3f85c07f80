-- +goose Up

-- false: nobody said when, so at is when the shop told us. Such a yes never
-- stands over a refusal of which the moment is known.
alter table consents add column timed boolean not null default true;

-- What was refused for an address, whoever has it now or later.
create table refusals (
  email_key bytea  not null,       -- HMAC(pepper, folded address)
  topic     text   not null,       -- offers | newsletter | program
  at        timestamptz not null,     -- of the latest refusal
  source    text   not null,       -- checkout, one-click unsubscribe …
  primary key (email_key, topic)
);

-- Addresses to which a mail that asks for confirmation went within the last day:
-- whoever asks, they get no other.
create table questions (
  email_key bytea primary key,
  mailed_at timestamptz not null
);
insert into questions (email_key, mailed_at)
select email_key, max(mailed_at) from joinings group by email_key;

-- Refusals by link and page from before this table: they count for everybody who
-- has the address.
insert into refusals (email_key, topic, at, source)
select m.email_key, c.topic, max(c.at), min(c.source)
from   consents c
join   members m on m.id = c.member_id
where  not c.granted and m.email_key is not null
and   (c.ip <> '' or c.send_id is not null or c.source in ('one-click unsubscribe', 'preferences page'))
group  by m.email_key, c.topic;

insert into consents (member_id, topic, granted, at, source, recorded_at)
select m.id, r.topic, false, r.at, 'address: ' || r.source, now()
from   refusals r
join   members m on m.email_key = r.email_key
where  not exists (select 1 from consents c where c.member_id = m.id and c.topic = r.topic and c.at >= r.at);

insert into member_topics (member_id, topic, granted, changed_at)
select m.id, r.topic, false, r.at
from   refusals r
join   members m on m.email_key = r.email_key
where  true
on conflict (member_id, topic) do update
set    granted = excluded.granted, changed_at = excluded.changed_at
where  member_topics.changed_at < excluded.changed_at;

update facts
set    consent_offers     = exists (select 1 from member_topics t where t.member_id = facts.member_id and t.topic = 'offers'     and t.granted),
       consent_newsletter = exists (select 1 from member_topics t where t.member_id = facts.member_id and t.topic = 'newsletter' and t.granted),
       consent_program    = exists (select 1 from member_topics t where t.member_id = facts.member_id and t.topic = 'program'    and t.granted)
where  member_id in (select m.id from members m join refusals r on r.email_key = m.email_key);

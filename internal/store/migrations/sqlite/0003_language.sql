-- +goose Up

-- What rules read beside orders and events.

alter table facts add column birthday   integer;           -- month * 100 + day of the month; null: unknown
alter table facts add column birth_year integer;           -- null: unknown, also when the birthday is known
alter table facts add column usual_gap  double precision;  -- median of the days between one day with a paid order and the next; null: fewer than two

update facts set birthday = m.birth_month * 100 + m.birth_date, birth_year = m.birth_year
from   members m
where  m.id = facts.member_id and (m.birth_month is not null or m.birth_year is not null);

update facts set usual_gap = g.usual_gap
from  (select member_id, cast(sum(gap) as double precision) / count(*) as usual_gap
       from (select member_id, gap, row_number() over (partition by member_id order by gap) as n, count(*) over (partition by member_id) as of_all
             from (select o.member_id, o.day - lag(o.day) over (partition by o.member_id order by o.day) as gap
                   from orders o join facts f on f.member_id = o.member_id and o.day <= f.last_day
                   where o.counts) d
             where gap > 0) r
       where n in ((of_all + 1) / 2, (of_all + 2) / 2)
       group by member_id) g
where g.member_id = facts.member_id;

-- The shop day on which a mail was handed over; null: it was not. Of mails from
-- before this column: the day of their run or passage.
alter table sends add column sent_day bigint;
update sends set sent_day = day where handed_at is not null;

-- What became of a mail in the member's hands. Machines open and click, too: what
-- they do is kept, but only what people do counts.
create table touches (
  id          integer primary key autoincrement,
  send_id     bigint  not null,
  member_id   bigint  not null,
  campaign_id bigint  not null,
  kind        text    not null,             -- open | click
  at          timestamp not null,
  day         bigint  not null,
  person      boolean not null,             -- false: a scanner, a proxy
  link        text    not null default ''   -- click: where it led
);
create index touches_member on touches (member_id, kind, day);
create index touches_day on touches (day, member_id) where person;
create index touches_send on touches (send_id);

create index redemptions_member on redemptions (member_id, day);

-- What a shop prints on its products beside category and brand: an array of texts.
alter table order_lines add column labels text not null default '[]';

-- +goose Up

insert into touched (campaign_id, step, kind, send_id)
select distinct s.campaign_id, s.step, t.kind, s.id
from   touches t join sends s on s.id = t.send_id
where  t.person
on conflict do nothing;

-- +goose Up

-- Mails of which nobody knew whether they went out, so that those of a campaign are found
-- without going through all that it sent. A trigger of the ledger writes it, so that older
-- binaries are heard, too. What became of a mail since says the ledger.
create table unknown_mails (
  send_id     bigint primary key,
  campaign_id bigint not null
);
create index unknown_mails_campaign on unknown_mails (campaign_id, send_id);

-- +goose StatementBegin
create function note_unknown() returns trigger language plpgsql as $$
begin
  insert into unknown_mails (send_id, campaign_id) values (new.id, new.campaign_id) on conflict do nothing;
  return null;
end $$;
-- +goose StatementEnd

create trigger sends_unknown after update of state on sends
for each row when (new.state = 'unknown') execute function note_unknown();

insert into unknown_mails (send_id, campaign_id)
select s.id, s.campaign_id
from   sends s
where  s.state = 'unknown'
and    exists (select 1 from counted where state = 'unknown' having sum(n) > 0); -- else the ledger is not read

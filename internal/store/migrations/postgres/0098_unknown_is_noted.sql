-- +goose Up

-- Mails of which nobody knows whether they went out are noted beside those that came back,
-- so that those of a campaign are found without going through all that it sent. What became
-- of a mail says the ledger.
drop trigger sends_returned on sends;
create trigger sends_returned after update of state on sends
for each row when (new.state in ('bounced', 'complained', 'unknown')) execute function note_returned();

insert into returned (send_id, campaign_id, step)
select s.id, s.campaign_id, s.step
from   sends s
where  s.state = 'unknown'
and    exists (select 1 from counted where state = 'unknown' having sum(n) > 0) -- else the ledger is not read
on conflict do nothing;

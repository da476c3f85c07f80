-- +goose Up

-- As on Postgres.
drop trigger sends_returned;
-- +goose StatementBegin
create trigger sends_returned after update of state on sends
when new.state in ('bounced', 'complained', 'unknown')
begin
  insert into returned (send_id, campaign_id, step) values (new.id, new.campaign_id, new.step) on conflict do nothing;
end;
-- +goose StatementEnd

insert into returned (send_id, campaign_id, step)
select id, campaign_id, step from sends where state = 'unknown'
on conflict do nothing;

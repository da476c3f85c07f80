-- +goose Up

-- As on Postgres.
create table returned (
  send_id     integer primary key,
  campaign_id integer not null,
  step        text    not null
);
create index returned_campaign on returned (campaign_id, step, send_id);

-- +goose StatementBegin
create trigger sends_returned after update of state on sends
when new.state in ('bounced', 'complained')
begin
  insert into returned (send_id, campaign_id, step) values (new.id, new.campaign_id, new.step) on conflict do nothing;
end;
-- +goose StatementEnd

-- +goose Up

-- As on Postgres.
create table unknown_mails (
  send_id     integer primary key,
  campaign_id integer not null
);
create index unknown_mails_campaign on unknown_mails (campaign_id, send_id);

-- +goose StatementBegin
create trigger sends_unknown after update of state on sends
when new.state = 'unknown'
begin
  insert into unknown_mails (send_id, campaign_id) values (new.id, new.campaign_id) on conflict do nothing;
end;
-- +goose StatementEnd

insert into unknown_mails (send_id, campaign_id) select id, campaign_id from sends where state = 'unknown';

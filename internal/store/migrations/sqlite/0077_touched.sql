-- +goose Up

-- As on Postgres.
create table touched (
  campaign_id integer not null,
  step        text    not null,
  kind        text    not null,
  send_id     integer not null,
  primary key (campaign_id, step, kind, send_id)
) without rowid;

-- +goose StatementBegin
create trigger touches_noted after insert on touches when new.person
begin
  insert into touched (campaign_id, step, kind, send_id)
  select s.campaign_id, s.step, new.kind, s.id from sends s where s.id = new.send_id
  on conflict do nothing;
end;
-- +goose StatementEnd

-- +goose Up

-- The mails of which a person opened or clicked something, by mail, so that those behind a
-- figure are found without going through all that went out. A trigger of touches writes it,
-- so that older binaries are heard, too. What turned out to be a machine's stays here: what
-- became of a mail say touches.
create table touched (
  campaign_id bigint not null,
  step        text   not null,
  kind        text   not null,   -- as in touches
  send_id     bigint not null,
  primary key (campaign_id, step, kind, send_id)
);

-- +goose StatementBegin
create function note_touched() returns trigger language plpgsql as $$
begin
  insert into touched (campaign_id, step, kind, send_id)
  select s.campaign_id, s.step, new.kind, s.id from sends s where s.id = new.send_id
  on conflict do nothing;
  return null;
end $$;
-- +goose StatementEnd
alter function note_touched() set enable_seqscan = off; -- whatever sends was when its plan was made

create trigger touches_noted after insert on touches
for each row when (new.person) execute function note_touched();

-- +goose Up

-- The mails that came back or were complained of. They are few among many, and nobody
-- finds them in the ledger without going through it: an index with the state would make
-- each change of a mail dearer. A trigger of the ledger writes it, so that older binaries
-- are heard, too. What became of a mail says the ledger.
create table returned (
  send_id     bigint primary key,
  campaign_id bigint not null,
  step        text   not null
);
create index returned_campaign on returned (campaign_id, step, send_id);

-- +goose StatementBegin
create function note_returned() returns trigger language plpgsql as $$
begin
  insert into returned (send_id, campaign_id, step) values (new.id, new.campaign_id, new.step) on conflict do nothing;
  return null;
end $$;
-- +goose StatementEnd

create trigger sends_returned after update of state on sends
for each row when (new.state in ('bounced', 'complained')) execute function note_returned();

-- +goose NO TRANSACTION
-- +goose Up

-- The mails of one campaign, the newest first, without going through all others'. Mails
-- go out while it is built. What an end in the middle left is begun anew.
drop index if exists sends_campaign;
create index concurrently sends_campaign on sends (campaign_id, id);

-- +goose NO TRANSACTION
-- +goose Up

-- Mails of runs are found by the runs of their campaign: only single ones need an index by
-- campaign, and a run that is frozen pays for none. Mails go out while it is built. What an
-- end in the middle left is begun anew.
drop index concurrently if exists sends_single;
create index concurrently sends_single on sends (campaign_id, id) where run_id is null;
drop index concurrently if exists sends_campaign;

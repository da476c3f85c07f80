-- +goose Up
-- Reactions that were put off are few, and asked for with every claim.
create index reactions_put_off on reactions (campaign_id, member_id) where retry_at is not null;

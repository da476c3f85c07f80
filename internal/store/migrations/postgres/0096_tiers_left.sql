-- +goose NO TRANSACTION
-- +goose Up

-- Who left a tier last, for the console, without going through all stays. What an end in
-- the middle left is begun anew.
drop index concurrently if exists member_tiers_left;
create index concurrently member_tiers_left on member_tiers (left_day, id) where left_day is not null;

-- +goose Up

-- Who left a tier last, for the console, without going through all stays.
create index member_tiers_left on member_tiers (left_day, id) where left_day is not null;

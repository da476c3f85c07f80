-- +goose Up
-- Who came into a segment and who left it between two days, without reading all stays.
create index segment_members_entered on segment_members (segment_id, entered_day);
create index segment_members_left on segment_members (segment_id, left_day) where left_day is not null;

-- +goose Up

-- Who came into a segment and who left it between two days, from the indexes alone.
create index segment_members_began on segment_members (segment_id, entered_day, member_id, left_day);
create index segment_members_ended on segment_members (segment_id, left_day, member_id, entered_day) where left_day is not null;
drop index segment_members_entered;
drop index segment_members_left;

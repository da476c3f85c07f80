-- +goose NO TRANSACTION
-- +goose Up

-- Who came into a segment and who left it between two days, from the indexes alone.
-- Members move while they are built. What an end in the middle left is begun anew.
drop index concurrently if exists segment_members_began;
create index concurrently segment_members_began on segment_members (segment_id, entered_day) include (member_id, left_day);
drop index concurrently if exists segment_members_ended;
create index concurrently segment_members_ended on segment_members (segment_id, left_day) include (member_id, entered_day) where left_day is not null;
drop index concurrently if exists segment_members_entered;
drop index concurrently if exists segment_members_left;

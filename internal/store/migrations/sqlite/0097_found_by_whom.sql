-- +goose Up

-- Who was made one with a member.
create index members_merged on members (merged_into) where merged_into is not null;

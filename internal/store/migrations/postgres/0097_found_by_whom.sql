-- +goose NO TRANSACTION
-- +goose Up

-- Who was made one with a member: asked before an erasure, and for a document of all that
-- is known. What an end in the middle left is begun anew.
drop index concurrently if exists members_merged;
create index concurrently members_merged on members (merged_into) where merged_into is not null;

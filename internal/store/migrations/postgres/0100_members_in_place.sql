-- +goose Up

-- Whoever orders is heard of, which changes one column of their row: with room on its page
-- the row changes in place, and no index of members is written to.
alter table members set (fillfactor = 85);

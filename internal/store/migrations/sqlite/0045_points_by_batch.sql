-- +goose Up

-- What a member still owes is among their debits: those are few, and are found without
-- reading what they earned.
create index entries_debits on entries (member_id, wallet) where amount < 0;

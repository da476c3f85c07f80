-- +goose Up

-- The night asks what has ended in whatever wallet: the day comes first.
drop index lots_last_day;
create index lots_last_day on lots (last_day, wallet) where last_day is not null;

-- A member's entries of a wallet are found by the key of causes, too.
drop index entries_member;

-- What points are worth asks what of them was ever spent or ended, among all entries.
create index entries_gone on entries (wallet, kind, day, amount) where kind in ('redeem', 'return', 'expire');

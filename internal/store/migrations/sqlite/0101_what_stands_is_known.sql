-- +goose Up

-- What an order asks of its member's wallets and tier, so that it is booked without reading
-- either. Rows that are there know nothing yet.
alter table facts add column wallets blob;   -- what stands in each wallet, as points packs it; '': nothing was ever booked; null: not known
alter table facts add column tier_at timestamp; -- orders from then on have the tier of this row; null: not known

-- What is booked makes unknown what stands in wallets: who books orders writes it down after.
-- +goose StatementBegin
create trigger entries_unknown after insert on entries begin
  update facts set wallets = null where member_id = new.member_id and wallets is not null;
end;
-- +goose StatementEnd

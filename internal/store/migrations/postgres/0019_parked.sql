-- +goose Up
-- Deliveries of the shop's systems that were signed and not understood, or that ask a
-- person for something: kept for 30 days at most, so that a later version or a person
-- can deal with them. Their bodies are personal data.
alter table hooks add column topic text not null default '';        -- as its system calls it
alter table hooks add column headers text not null default '{}';    -- JSON: those that its source reads, without the signature
alter table hooks add column replayed_at timestamptz;                -- when it was last read again; its state is stored | ignored | done when that was enough
create unique index hooks_once on hooks (source, external_id);
create index hooks_parked on hooks (id) where state = 'parked';

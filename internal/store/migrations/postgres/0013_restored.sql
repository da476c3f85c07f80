-- +goose Up

-- Codes that lay in stock before they were given cannot be derived anew: which of them
-- were given is recorded outside the database. After a restore the codes that were
-- free in the copy are in the state aside, since somebody may have them.
alter table codes add column stock boolean not null default false;
update codes set stock = true
where  state = 'free' or known_at is not null or pool_id in (select id from pools where kind = 'imported');
create index codes_given on codes (reserved_at) where stock and reserved_at is not null;
create index codes_aside on codes (pool_id) where state = 'aside';

-- To whom a code from stock was given in a time that a restored copy does not know.
create table promises (
  code_id bigint primary key,
  pool_id bigint not null,
  whom    text not null,             -- keyed hash of the occurrence and the member, by the names that the shop gave
  at      timestamptz not null,
  unique (pool_id, whom)
);

-- Refusals of addresses are recorded outside the database by their time.
create index refusals_at on refusals (at);

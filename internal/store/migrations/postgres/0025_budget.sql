-- +goose Up
-- What a claimed reward costs the shop, minor units: by it a budget of rewards is kept.
alter table claims add column cost bigint not null default 0;
update claims set cost = worth where worth > 0;
update claims
set    cost = coalesce(cast(p.spec ->> 'Amount' as bigint), 0) + coalesce(cast(p.spec ->> 'Worth' as bigint), 0)
from   codes k join pools p on p.id = k.pool_id
where  k.id = claims.code_id;
create index claims_budget on claims (day, cost) where state in ('held', 'done') and source not in ('card', 'referral');

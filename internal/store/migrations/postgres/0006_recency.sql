-- +goose Up

-- Most rules ask when members last ordered, how often and for how much. All three
-- in one index answers them without a look at the rows.
create index facts_recency on facts (last_day, orders, spent);
drop index facts_last_day;

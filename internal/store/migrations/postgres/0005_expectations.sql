-- +goose Up

-- What the forecast expects of members with one history: orders in so many days,
-- if they are still customers. It follows from the key alone and is only kept so
-- that a rule over all members looks it up instead of computing it for each.
create table expectations (
  model   bigint           not null, -- forecast.Model.Mark
  days    bigint           not null, -- the span asked about
  repeats bigint           not null, -- days with an order after the first
  age     bigint           not null, -- days since the first order
  orders  double precision not null,
  day     bigint           not null, -- when it was computed: what is old is thrown away
  primary key (model, days, repeats, age)
);

-- A campaign with a rule that cannot be answered yet starts nobody by it, and its
-- steps wait; no other campaign does.
alter table campaigns add column unready text not null default ''; -- why; "": all of its rules can be answered

-- +goose Up

-- What people were told by mail of what needs them: one row per kind of trouble.
-- Whoever moves told_at on sends the mail, so that it is one an hour in all replicas.
create table alerts (
  kind    text primary key,
  told    text not null,             -- what it was about, one a line; '' once nothing of the kind is amiss
  told_at timestamp not null
);

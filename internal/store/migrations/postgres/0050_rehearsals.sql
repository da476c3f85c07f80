-- +goose Up

-- What came of the last rehearsal of a change of the program, for its page. It names no
-- member.
create table rehearsals (
  proposal_id bigint not null primary key,
  seen        text   not null,   -- what the change said, and the version that it was laid on
  as_of       timestamptz not null,
  body        text   not null    -- JSON
);

-- +goose Up
-- The bytes of the program's pictures. Versions and drafts name them by what they contain.
create table pictures (
  name  text    not null primary key, -- the hash of the bytes, and the ending of their type
  bytes blob not null,
  kept  boolean not null,             -- a version has it: mails that went out show it
  at    timestamp not null           -- when it came
);

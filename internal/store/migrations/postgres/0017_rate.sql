-- +goose Up
-- How many mails a replica's relay takes in a length of time, in words, and whether
-- mails wait for that.
alter table replicas add column rate text not null default '';
alter table replicas add column rationed boolean not null default false;

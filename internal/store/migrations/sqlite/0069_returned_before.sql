-- +goose Up

insert into returned (send_id, campaign_id, step)
select id, campaign_id, step from sends where state in ('bounced', 'complained')
on conflict do nothing;

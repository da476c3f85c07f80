-- +goose Up

-- Those who are there already. Whoever looks for them finds them meanwhile, more slowly.
insert into names_due (member_id) select id from members where merged_into is null and erased_at is null;

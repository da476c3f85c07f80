package consent

import (
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
)

// A refusal counts for the address: a person who says no to a mail does not know
// that the shop keeps their mailbox under two members, or will once more next
// month. refusals keeps the latest per address and topic, and everybody who has
// the address has it among their own answers, where a later yes of theirs, with
// its time, stands over it.

// ofAddresses keeps the refusals of @rows that are of addresses, and gives them to all who have these.
func ofAddresses(tx *store.Tx, args store.Args, told bool) error {
	if _, err := tx.Exec(`
		insert into refusals (email_key, topic, at, source)
		select m.email_key, r.topic, max(r.at), min(r.source)
		from   `+answerRows(tx)+`
		join   members m on m.id = r.member_id
		where  r.of_address and m.email_key is not null
		group  by m.email_key, r.topic
		order  by 1, 2
		on conflict (email_key, topic) do update
		set    at = excluded.at, source = excluded.source
		where  excluded.at > refusals.at`, args); err != nil {
		return fmt.Errorf("keeping refusals of addresses: %w", err)
	}
	return inherit(tx, "select m.id from members m where m.email_key in (select w.email_key from members w join "+answerRows(tx)+
		" on r.member_id = w.id and r.of_address)", args, told)
}

// Inherit gives members, who have come to their addresses just now, what was
// refused for these. The caller holds their rows.
func Inherit(tx *store.Tx, members []int64) error {
	for chunk := range slices.Chunk(members, 1000) {
		if err := inherit(tx, "select value as id from "+tx.JSONEach("@ids"), store.Args{"ids": store.JSON(chunk), "now": tx.At}, false); err != nil {
			return err
		}
	}
	return nil
}

// inherit makes what was refused for the addresses of members their own answers. told:
// it was refused just now.
func inherit(tx *store.Tx, members string, args store.Args, told bool) error {
	ofThem := `
		from  (select distinct i.id from (` + members + `) i) i
		join   members m on m.id = i.id and m.merged_into is null
		join   refusals f on f.email_key = m.email_key`
	if tx.Postgres() { // which would begin with all refusals while it takes them for few
		ofThem = `
		from  (select distinct i.id from (` + members + `) i) i
		cross  join lateral (select id, email_key from members where id = i.id and merged_into is null offset 0) m
		cross  join lateral (select topic, at, source from refusals where email_key = m.email_key offset 0) f`
	}
	if err := tx.HoldMembersOf("(select m.id"+ofThem+")", args); err != nil {
		return fmt.Errorf("who has refused addresses: %w", err)
	}
	n, err := tx.Exec(`
		insert into consents (member_id, topic, granted, timed, at, source, recorded_at)
		select m.id, f.topic, false, true, f.at, 'address: ' || f.source, `+tx.Instant("@now")+ofThem+`
		where  not exists (select 1 from consents c
		                   where  c.member_id = m.id and c.topic = f.topic and c.timed and c.at >= f.at
		                   and   (not c.granted or c.at > f.at))
		order  by m.id, f.topic`, args)
	if err != nil {
		return fmt.Errorf("refusals of addresses: %w", err)
	}
	if n == 0 {
		return nil
	}
	if err := stand(tx, "(select m.id as member_id, f.topic"+ofThem+") r", args, told); err != nil {
		return fmt.Errorf("refusals of addresses: %w", err)
	}
	return nil
}

// RefuseAddress keeps that topics were refused for an address now, whoever has
// it; those who have it refuse them.
func RefuseAddress(tx *store.Tx, emailKey []byte, topics []string, source string) error {
	for _, topic := range topics {
		if err := refuseAddress(tx, emailKey, topic, tx.At, source, true); err != nil {
			return err
		}
	}
	return nil
}

func refuseAddress(tx *store.Tx, emailKey []byte, topic string, at loyalty.Instant, source string, news bool) error {
	_, err := tx.Exec(`
		insert into refusals (topic, email_key, at, source) values (@topic, @key, @at, @source)
		on conflict (email_key, topic) do update set at = excluded.at, source = excluded.source where excluded.at > refusals.at`,
		store.Args{"key": emailKey, "topic": topic, "at": at, "source": source})
	if err != nil {
		return fmt.Errorf("keeping a refusal of an address: %w", err)
	}
	told := false
	if news {
		if told, err = outbox.Wants(tx, loyalty.ToldUnsubscribed); err != nil {
			return err
		}
	}
	return inherit(tx, "select m.id from members m where m.email_key = @key", store.Args{"key": emailKey, "now": tx.At}, told)
}

// Sharing returns a member and all who have their address, in the order of their
// ids, and locks their rows: what one of them refuses changes all of them.
func Sharing(tx *store.Tx, member int64) ([]int64, error) {
	var all []int64
	err := tx.All(&all, `
		select m.id from members m
		where  m.id = @member or m.email_key = (select w.email_key from members w where w.id = @member) and m.merged_into is null
		order  by m.id `+tx.ForUpdate(), store.Args{"member": member})
	if err != nil {
		return nil, fmt.Errorf("who shares the address of member %d: %w", member, err)
	}
	return all, nil
}

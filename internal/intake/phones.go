package intake

import (
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/phone"
	"regulars/internal/store"
)

// rephone reads all phone numbers anew, by which people are found, when the shop
// has come to another country since, or they are of a time when numbers were not
// read in any. It belongs to the beginning of a transaction that takes something
// in, and does nothing in nearly all of them.
func (s Shop) rephone(tx *store.Tx) error {
	if s.phones == s.country {
		return nil
	}
	if tx.Postgres() {
		if _, err := tx.Exec("lock table members in exclusive mode", nil); err != nil {
			return err
		}
	}
	var people []struct {
		ID             int64
		Phone, Country string
	}
	if err := tx.All(&people, "select id, phone, country from members where phone <> '' order by id", nil); err != nil {
		return fmt.Errorf("reading phone numbers anew: %w", err)
	}
	var rows [][]any
	for _, p := range people {
		country := p.Country
		if country == "" {
			country = s.country
		}
		if now := phone.Read(p.Phone, country); now != "" && now != p.Phone {
			rows = append(rows, []any{p.ID, loyalty.FoldPhone(p.Phone), now})
		}
	}
	for chunk := range slices.Chunk(rows, perCall) {
		if err := rephoneRows(tx, chunk); err != nil {
			return fmt.Errorf("reading phone numbers anew: %w", err)
		}
	}
	return tx.SetSetting(store.SettingPhones, s.country)
}

// rephoneRows gives members their numbers as they are read now. Two who were made
// of two writings of one number stay two: `member merge` is a person's decision.
func rephoneRows(tx *store.Tx, rows [][]any) error {
	table, args := rel(tx, "id bigint", "was text", "now text"), store.Args{"rows": relRows(rows)}
	for _, statement := range []string{
		`update members set phone = r.now from ` + table + ` where members.id = r.id`,
		`insert into member_keys (kind, value, member_id)
		 select 'phone', r.now, r.id
		 from   ` + table + `
		 join   member_keys k on k.kind = 'phone' and k.value = r.was and k.member_id = r.id
		 where  true
		 on conflict (kind, value, member_id) do nothing`,
		`insert into member_keys (kind, value, member_id)
		 select 'made', 'phone:' || r.now, min(r.id)
		 from   ` + table + `
		 join   member_keys k on k.kind = 'made' and k.value = 'phone:' || r.was and k.member_id = r.id
		 where  not exists (select 1 from member_keys h where h.kind = 'made' and h.value = 'phone:' || r.now)
		 group  by r.now`,
		`delete from member_keys
		 where (kind, value, member_id) in (select 'phone', r.was, r.id from ` + table + ` where r.was <> r.now)`,
		`delete from member_keys
		 where (kind, value, member_id) in (select 'made', 'phone:' || r.was, r.id from ` + table + ` where r.was <> r.now)`,
	} {
		if _, err := tx.Exec(statement, args); err != nil {
			return err
		}
	}
	return nil
}

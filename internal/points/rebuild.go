package points

import (
	"fmt"

	"regulars/internal/store"
)

// Rebuild makes the lots of members anew from entries and draws. Running it again
// changes nothing. The members are locked.
func (r *Rules) Rebuild(tx *store.Tx, members []int64) error {
	args := store.Args{"members": store.IDs(members)}
	some := "(select value from " + tx.JSONEach("@members") + ")"
	for _, text := range []string{
		"delete from lots where member_id in " + some,
		`insert into lots (credit_id, member_id, wallet, opens_day, last_day, remains)
		 select id, member_id, wallet, opens_day, last_day, remains
		 from  (select e.id, e.member_id, e.wallet, e.opens_day, e.last_day,
		               e.amount - coalesce((select cast(sum(d.amount) as bigint) from draws d where d.credit_id = e.id), 0) as remains
		        from   entries e
		        where  e.member_id in ` + some + ` and e.opens_day is not null) c
		 where  remains > 0`,
	} {
		if _, err := tx.Exec(text, args); err != nil {
			return fmt.Errorf("making lots anew: %w", err)
		}
	}
	if err := Forget(tx, members); err != nil {
		return err
	}
	b, err := r.openAll(tx, "lots", members)
	if err != nil || b == nil {
		return err
	}
	b.settle()
	return b.write()
}

// openAll opens the wallets of which members have rows in a table; nil when there are none.
func (r *Rules) openAll(tx *store.Tx, table string, members []int64) (*books, error) {
	var rows []struct {
		MemberID int64
		Wallet   string
	}
	err := tx.All(&rows, "select distinct member_id, wallet from "+table+" where member_id in "+tx.In("@members"), store.Args{"members": store.IDs(members)})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var keys []walletKey
	for _, row := range rows {
		keys = append(keys, walletKey{row.MemberID, row.Wallet})
	}
	return r.open(tx, keys, nil)
}

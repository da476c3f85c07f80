package intake

import (
	"fmt"

	"regulars/internal/address"
	"regulars/internal/store"
)

// Find returns the member whom a person means by the shop's id, or by an e-mail
// address that only one has: store.ErrNotFound, or an error that says why not.
func Find(tx *store.Tx, name string) (int64, error) {
	name = readID(name)
	var found []int64
	err := tx.All(&found, "select id from members where external_id = @name and merged_into is null", store.Args{"name": name})
	if err != nil || len(found) > 0 {
		return first(found), err
	}
	err = tx.All(&found, `
		select m.id from member_keys k join members m on m.id = k.member_id
		where  k.value = @name and (k.kind = 'id' or k.kind like 'source:%') and m.merged_into is null`, store.Args{"name": name})
	if err != nil || len(found) == 1 {
		return first(found), err
	}
	_, folded, err := address.Read(name)
	if err != nil {
		return 0, nobody(name)
	}
	err = tx.All(&found, "select member_id from member_keys where kind = 'email' and value = @folded order by member_id", store.Args{"folded": folded})
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, nobody(name)
	case len(found) > 1:
		return 0, fmt.Errorf("%d members have the address %s: name the one you mean by its id", len(found), name)
	}
	return found[0], nil
}

func nobody(name string) error {
	return store.Missing(fmt.Sprintf("there is no member %q: `regulars member find TEXT` looks for names, too", name))
}

func first(found []int64) int64 {
	if len(found) == 0 {
		return 0
	}
	return found[0]
}

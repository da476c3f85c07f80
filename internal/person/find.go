package person

import (
	"strings"

	"regulars/internal/address"
	"regulars/internal/store"
)

// Find returns the member whom another system means: by its own id, or by an address that
// only one has. Its number may be the shop's id of somebody else, and says nothing there.
// store.ErrNotFound: nothing is known of them, or no more.
func Find(tx *store.Tx, source, id, email string) (int64, error) {
	_, folded, err := address.Read(strings.TrimSpace(email))
	if err != nil {
		folded = ""
	}
	for _, k := range [][2]string{{"source:" + source, id}, {"email", folded}} {
		if k[1] == "" {
			continue
		}
		var found []int64
		err := tx.All(&found, "select member_id from member_keys where kind = @kind and value = @value", store.Args{"kind": k[0], "value": k[1]})
		if err != nil || len(found) == 1 {
			return append(found, 0)[0], err
		}
	}
	return 0, store.Missing("nothing is known of this person")
}

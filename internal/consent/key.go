package consent

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"

	"regulars/internal/store"
)

// Key returns what suppressions know an address by: it names nobody without the
// pepper, which stays in the database, and outlives the person's erasure.
func Key(pepper []byte, folded string) []byte {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(folded))
	return mac.Sum(nil)
}

// Pepper returns the installation's pepper, made on first use. It needs a write
// transaction; callers keep it.
func Pepper(tx *store.Tx) ([]byte, error) { return tx.Secret(store.SettingPepper, rand.Reader) }

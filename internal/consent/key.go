package consent

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

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
func Pepper(tx *store.Tx) ([]byte, error) {
	fresh := func() string {
		b := make([]byte, 32)
		rand.Read(b) // never fails since Go 1.24
		return hex.EncodeToString(b)
	}
	text, err := tx.SettingOr(store.SettingPepper, fresh)
	if err != nil {
		return nil, fmt.Errorf("reading the pepper: %w", err)
	}
	return hex.DecodeString(text)
}

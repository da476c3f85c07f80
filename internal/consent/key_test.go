package consent_test

import (
	"testing"

	"regulars/internal/consent"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

func TestPepperIsMadeOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var first, second []byte
		update(t, db, func(tx *store.Tx) (err error) { first, err = consent.Pepper(tx); return err })
		update(t, db, func(tx *store.Tx) (err error) { second, err = consent.Pepper(tx); return err })
		if len(first) != 32 || string(first) != string(second) {
			t.Errorf("Pepper = %x, then %x, want 32 bytes twice the same", first, second)
		}
		if string(consent.Key(first, "ana@example.test")) == string(consent.Key(pepper, "ana@example.test")) {
			t.Error("keys of two peppers are the same")
		}
	})
}

package consent

import (
	"errors"
	"fmt"
	"slices"

	"regulars/internal/store"
)

// Why an address gets nothing.
const (
	HardBounce  = "hard_bounce"
	Complaint   = "complaint"
	SoftBounces = "soft_bounces"
	Manual      = "manual"
	ErasedWish  = "erased"
	Imported    = "import"
)

// ErrErased says that an address was suppressed by its owner's erasure, which
// nobody but the owner can undo by giving consent anew.
var ErrErased = errors.New("the owner of this address had themselves erased")

// Suppress stops every mail to an address, whoever has it. The first reason is
// kept, but an erasure replaces any other.
func Suppress(tx *store.Tx, emailKey []byte, reason, source string) error {
	return SuppressAll(tx, [][]byte{emailKey}, reason, source)
}

// SuppressAll is Suppress for many addresses. Those that are suppressed already
// stay as they are.
func SuppressAll(tx *store.Tx, emailKeys [][]byte, reason, source string) error {
	for chunk := range slices.Chunk(emailKeys, 5000) {
		_, err := tx.Exec(`
			insert into suppressions (email_key, reason, source, at)
			select distinct r.email_key, cast(@reason as text), cast(@source as text), `+tx.Instant("@now")+`
			from   `+tx.Values("email_key bytea")+`
			where  true
			order  by 1
			on conflict (email_key) do update
			set    reason = excluded.reason, source = excluded.source, at = excluded.at
			where  excluded.reason = 'erased' and suppressions.reason <> 'erased'`,
			store.Args{"rows": store.Column(chunk), "reason": reason, "source": source, "now": tx.At})
		if err != nil {
			return fmt.Errorf("suppressing %d addresses: %w", len(chunk), err)
		}
	}
	return nil
}

// Unsuppress lets an address get mails again and reports whether it was
// suppressed. ErrErased if its owner had themselves erased.
func Unsuppress(tx *store.Tx, emailKey []byte) (bool, error) {
	n, err := tx.Exec("delete from suppressions where email_key = @key and reason <> 'erased'", store.Args{"key": emailKey})
	if err != nil {
		return false, fmt.Errorf("unsuppressing an address: %w", err)
	}
	if n > 0 {
		return true, nil
	}
	reason, _, err := Suppressed(tx, emailKey)
	if err == nil && reason == ErasedWish {
		err = ErrErased
	}
	return false, err
}

// Suppressed returns why an address gets nothing and who said so, "" if it does get mails.
func Suppressed(tx *store.Tx, emailKey []byte) (reason, source string, err error) {
	var row struct{ Reason, Source string }
	err = tx.One(&row, "select reason, source from suppressions where email_key = @key", store.Args{"key": emailKey})
	if errors.Is(err, store.ErrNotFound) {
		return "", "", nil
	}
	return row.Reason, row.Source, err
}

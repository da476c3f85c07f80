package intake

import (
	"context"
	"errors"
	"slices"
	"strings"

	"regulars/internal/address"
	"regulars/internal/consent"
	"regulars/internal/store"
)

// suppressions takes addresses that are to get nothing.
func (i *importer) suppressions(ctx context.Context) error {
	if !i.cols.has("email") {
		return errors.New("the file has no column email: name it with --map email=COLUMN")
	}
	var folded []string
	err := i.each(ctx, func(r row) error {
		i.tally.Read++
		_, address, err := address.Read(readID(i.cols.get("email")))
		if err != nil {
			return i.refuse(r.line, r.written(), "email", err.Error())
		}
		if folded = append(folded, address); len(folded) < batchRows {
			return nil
		}
		defer func() { folded = nil }()
		return i.suppress(ctx, folded)
	})
	if err != nil {
		return err
	}
	return i.suppress(ctx, folded)
}

func (i *importer) suppress(ctx context.Context, folded []string) error {
	total := int64(len(folded))
	slices.Sort(folded)
	folded = slices.Compact(folded)
	var known int64
	err := i.door.update(context.WithoutCancel(ctx), func(tx *store.Tx, pepper []byte) (err error) {
		keys := make([][]byte, len(folded))
		for n, address := range folded {
			keys[n] = consent.Key(pepper, address)
		}
		if known, err = suppressed(tx, keys); err != nil {
			return err
		}
		if i.im.DryRun {
			return errDry
		}
		return consent.SuppressAll(tx, keys, consent.Imported, strings.TrimSpace(i.im.Source))
	})
	if err != nil && !errors.Is(err, errDry) {
		return err
	}
	i.tally.New += int64(len(folded)) - known
	i.tally.Unchanged += total - (int64(len(folded)) - known)
	return nil
}

// suppressed returns how many of the addresses are suppressed already.
func suppressed(tx *store.Tx, keys [][]byte) (n int64, err error) {
	rows := make([][]any, len(keys))
	for i, k := range keys {
		rows[i] = []any{k}
	}
	err = tx.One(&n, "select count(*) from suppressions where email_key in (select r.key from "+rel(tx, "key bytea")+")",
		store.Args{"rows": relRows(rows)})
	return n, err
}

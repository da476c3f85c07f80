package importer

import (
	"context"
	"errors"
	"slices"
	"strings"

	"regulars/internal/address"
	"regulars/internal/consent"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// suppressions takes addresses that are to get nothing.
func (r *reader) suppressions(ctx context.Context) error {
	if !r.cols.has("email") {
		return errors.New("the file has no column email: name it with --map email=COLUMN")
	}
	var folded []string
	err := r.each(ctx, func(row row) error {
		if why := r.mayBeSent(); why != "" {
			return r.refuse(row.written(), loyalty.Note{Line: row.line, Field: "consent", Reason: why})
		}
		_, known, err := address.Read(intake.ReadID(r.cols.get("email")))
		if err != nil {
			return r.refuse(row.written(), loyalty.Note{Line: row.line, Field: "email", Reason: err.Error()})
		}
		if folded = append(folded, known); len(folded) < batchRows {
			return nil
		}
		defer func() { folded = nil }()
		return r.suppress(ctx, folded)
	})
	if err != nil {
		return err
	}
	return r.suppress(ctx, folded)
}

// mayBeSent says why the address of a row is not to be suppressed, of a system's list
// that tells who refused; "": it is to be.
func (r *reader) mayBeSent() string {
	if !r.cols.has("consent") || r.Map["email"] != "" || r.isSuppressed() {
		return ""
	}
	if a, err := readAnswer(r.cols.get("consent")); err == nil && (a == unsubscribed || a == undeliverable) {
		return ""
	}
	return "does not say that they unsubscribed, or that their address takes no mail: only such are suppressed; --map email=COLUMN takes every address of the file"
}

// suppress sees to it that some addresses get nothing, and counts them.
func (r *reader) suppress(ctx context.Context, folded []string) error {
	total := int64(len(folded))
	fresh, err := r.suppressAll(ctx, folded)
	r.tally.New += fresh
	r.tally.Unchanged += total - fresh
	return err
}

// suppressAll returns how many of the addresses were not suppressed before.
func (r *reader) suppressAll(ctx context.Context, folded []string) (int64, error) {
	slices.Sort(folded)
	folded = slices.Compact(folded)
	var known int64
	err := r.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		pepper, err := consent.Pepper(tx)
		if err != nil {
			return err
		}
		keys, rows := make([][]byte, len(folded)), make([][]any, len(folded))
		for n, address := range folded {
			keys[n] = consent.Key(pepper, address)
			rows[n] = []any{keys[n]}
		}
		err = tx.One(&known, "select count(*) from suppressions where email_key in (select r.key from "+tx.Values("key bytea")+")",
			store.Args{"rows": store.Rows(rows)})
		if err != nil || r.DryRun {
			return err
		}
		return consent.SuppressAll(tx, keys, consent.Imported, strings.TrimSpace(r.Source))
	})
	return int64(len(folded)) - known, err
}

// suppressThem sees to it that nothing is sent to the addresses of rows that say so.
func (r *reader) suppressThem(ctx context.Context, rows []*intake.Row) error {
	var folded []string
	for _, row := range rows {
		unreachable := r.unreachable[row]
		if delete(r.unreachable, row); !unreachable || row.Result.State == intake.Refused {
			continue
		}
		if _, known, err := address.Read(row.Member.Email); err == nil && known != "" {
			folded = append(folded, known)
		}
	}
	if folded == nil {
		return nil
	}
	fresh, err := r.suppressAll(ctx, folded)
	r.tally.Suppressed += fresh
	return err
}

package marketing

import (
	"context"
	"fmt"

	"regulars/internal/intake"
	"regulars/internal/person"
	"regulars/internal/staff"
	"regulars/internal/store"
)

// ExportMember returns all that is known of a member.
func (m Marketer) ExportMember(ctx context.Context, member string) (d person.Document, err error) {
	var id int64
	err = m.DB.View(ctx, func(tx *store.Tx) error {
		if id, err = intake.Find(tx, member); err == nil {
			d, err = person.Export(tx, id)
		}
		return err
	})
	if err != nil {
		return d, err
	}
	return d, m.DB.Update(ctx, func(tx *store.Tx) error {
		return m.note(tx, staff.Act{Act: "export", About: fmt.Sprintf("member %d", id)})
	})
}

// PreviewErase says what EraseMember would take away, keep and end.
func (m Marketer) PreviewErase(ctx context.Context, member string) (e person.Erased, err error) {
	err = m.DB.View(ctx, func(tx *store.Tx) error {
		id, err := intake.Find(tx, member)
		if err == nil {
			e, err = person.WouldErase(tx, id)
		}
		return err
	})
	return e, err
}

// EraseMember takes away what is known of a member, and says what it did.
func (m Marketer) EraseMember(ctx context.Context, member, by string) (person.Erased, error) {
	e, err := update(ctx, m.DB, func(tx *store.Tx) (e person.Erased, err error) {
		id, err := intake.Find(tx, member)
		if err == nil {
			e, err = person.Erase(tx, id, by)
		}
		return e, err
	})
	if err == nil {
		person.Shred(ctx, m.DB)
	}
	return e, err
}

// PreviewMerge says what MergeMembers would move.
func (m Marketer) PreviewMerge(ctx context.Context, from, into string) (done person.Merged, err error) {
	err = m.DB.View(ctx, func(tx *store.Tx) error {
		ids, err := findTwo(tx, from, into)
		if err == nil {
			done, err = person.WouldMerge(tx, ids[0], ids[1])
		}
		return err
	})
	return done, err
}

// MergeMembers makes two members one: what was of from is of into.
func (m Marketer) MergeMembers(ctx context.Context, from, into, by string) (person.Merged, error) {
	return update(ctx, m.DB, func(tx *store.Tx) (done person.Merged, err error) {
		ids, err := findTwo(tx, from, into)
		if err == nil {
			done, err = person.Merge(tx, ids[0], ids[1], by)
		}
		return done, err
	})
}

func findTwo(tx *store.Tx, from, into string) (ids [2]int64, err error) {
	if ids[0], err = intake.Find(tx, from); err == nil {
		ids[1], err = intake.Find(tx, into)
	}
	return ids, err
}

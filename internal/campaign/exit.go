package campaign

import (
	"fmt"

	"regulars/internal/coupon"
	"regulars/internal/program"
	"regulars/internal/store"
)

// exit ends passages that are under way, and with them the mails that nobody has
// claimed yet; their codes go back. What is being handed over goes out, unless
// the gate at the mark sees the same reason. Those of a run are left to that gate.
func (b *Book) exit(tx *store.Tx, passages []int64, reason string) error {
	if len(passages) == 0 {
		return nil
	}
	args := store.Args{"ids": array(passages), "reason": reason, "now": tx.At}
	var ended []int64
	err := tx.All(&ended, `
		update passages
		set    state = 'exited', reason = @reason, wake_at = null
		where  id in `+inList(tx, "@ids")+`
		and    state in ('ready', 'sending')
		returning id`, args)
	if err != nil {
		return fmt.Errorf("ending %d passages (%s): %w", len(passages), reason, err)
	}
	return skipUnclaimed(tx, ended, sendReason(reason))
}

// sendReason is the word of the ledger for the reason of a passage's end.
func sendReason(reason string) string {
	switch reason {
	case "leaves":
		return "rule_left"
	case "erased":
		return "erased"
	case "removed", "merged", "cancelled by hand", "date moved":
		return "cancelled"
	}
	return "until"
}

// skipUnclaimed skips the mails of passages that wait for their hand-over.
func skipUnclaimed(tx *store.Tx, passages []int64, reason string) error {
	if len(passages) == 0 {
		return nil
	}
	var skipped []int64
	err := tx.All(&skipped, `
		update sends
		set    state = 'skipped', reason = @reason, done_at = @now
		where  (occurrence_id, member_id) in (select p.occurrence_id, p.member_id from passages p where p.id in `+inList(tx, "@ids")+`)
		and    run_id is null
		and    state in ('queued', 'deferred')
		returning id`,
		store.Args{"ids": array(passages), "reason": reason, "now": tx.At})
	if err != nil {
		return fmt.Errorf("skipping what ended passages had queued: %w", err)
	}
	return letGo(tx, skipped)
}

// letGo takes skipped sends off the list of what is due and gives their codes back.
func letGo(tx *store.Tx, sends []int64) error {
	if len(sends) == 0 {
		return nil
	}
	_, err := tx.Exec("delete from due where send_id in "+inList(tx, "@ids"), store.Args{"ids": array(sends)})
	if err != nil {
		return err
	}
	return coupon.Release(tx, sends)
}

// passagesWhere returns the ids of passages p that are under way and meet a
// condition, in their order.
func passagesWhere(tx *store.Tx, where string, args store.Args) (ids []int64, err error) {
	err = tx.All(&ids, "select p.id from passages p where p.state in ('ready', 'sending') and "+where+" order by p.id", args)
	return ids, err
}

// Forget ends whatever is under way for members who were erased, or merged into
// another. The caller has marked them in the same transaction.
func (b *Book) Forget(tx *store.Tx, members []int64) error {
	if len(members) == 0 {
		return nil
	}
	for _, gone := range []struct{ reason, condition string }{{"erased", "m.erased_at is not null"}, {"merged", "m.erased_at is null"}} {
		ids, err := passagesWhere(tx, "p.member_id in (select m.id from members m where m.id in @members and "+gone.condition+")",
			store.Args{"members": members})
		if err != nil {
			return err
		}
		if err := b.exit(tx, ids, gone.reason); err != nil {
			return err
		}
	}
	v, err := b.Active(tx)
	if err != nil {
		return ignoreNoProgram(err) // nobody is in a segment then
	}
	_, err = tx.Exec(`
		update segment_members
		set    left_at = @now, left_day = @day, handled = true
		where  member_id in @members and left_at is null`,
		store.Args{"members": members, "now": tx.At, "day": int64(v.Day(tx.At))})
	return err
}

// CouponUsed ends the passages in which the codes were given and that end when
// their coupon is used.
func (b *Book) CouponUsed(tx *store.Tx, codes []int64) error {
	if len(codes) == 0 {
		return nil
	}
	v, err := b.Active(tx)
	if err != nil {
		return ignoreNoProgram(err)
	}
	ending := v.endedBy("coupon_used")
	if len(ending) == 0 {
		return nil
	}
	ids, err := passagesWhere(tx, `p.campaign_id in @campaigns and exists
		(select 1 from codes c where c.id in @codes and c.occurrence_id = p.occurrence_id and c.member_id = p.member_id)`,
		store.Args{"campaigns": ending, "codes": codes})
	if err != nil {
		return err
	}
	return b.exit(tx, ids, "coupon used")
}

// endedBy returns the campaigns whose passages end in a way.
func (v *Version) endedBy(kind string) (ids []int64) {
	for _, c := range v.campaigns {
		if c.endsBy(kind) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (c *Campaign) endsBy(kind string) bool {
	for _, u := range c.Until {
		if u.Kind == kind {
			return true
		}
	}
	return false
}

// endWords is why a passage ended, as its row and why say it.
func endWords(u program.Until) string {
	switch u.Kind {
	case "coupon_used":
		return "coupon used"
	case "event":
		return "event " + u.Event
	case "rule":
		return "until"
	}
	return u.Kind
}

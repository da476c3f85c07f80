package person

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/flows"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/staff"
	"regulars/internal/store"
)

// Erased says what an erasure takes away and what it keeps, before it or after.
type Erased struct {
	Member   string `json:"member"`          // by which name they are known; after it a husk's
	Again    bool   `json:"again,omitempty"` // they were erased already
	Sharing  int64  `json:"sharing"`         // others with the address, who get no mail either
	Keys     int64  `json:"keys"`
	Passages int64  `json:"passages_ended"`
	Queued   int64  `json:"mails_not_sent"`
	Codes    int64  `json:"codes_void"`
	Points   int64  `json:"points_ended"`
	Claims   int64  `json:"claims_released"`
	Segments int64  `json:"segments_left"`
	Orders   int64  `json:"orders_kept"`   // without a person
	Mails    int64  `json:"mails_kept"`    // …
	Entries  int64  `json:"entries_kept"`  // … of the ledger of points
	Consents int64  `json:"consents_kept"` // as proof, without text and IP
}

// WouldErase says what Erase would do. It only reads.
func WouldErase(tx *store.Tx, member int64) (e Erased, err error) {
	ids, err := them(tx, member)
	if err != nil {
		return e, err
	}
	args := store.Args{"id": member, "ids": store.IDs(ids)}
	err = tx.One(&e, filled(tx, `
		select m.external_id as member, m.erased_at is not null as again,
		       (select count(*) from members w where w.email_key = m.email_key and w.id not in $them and w.merged_into is null) as sharing,
		       (select count(*) from member_keys k where k.member_id in $them) as keys,
		       (select count(*) from passages p where p.member_id in $them and p.state in ('ready', 'sending')) as passages,
		       (select count(*) from sends s where s.member_id in $them and s.state in ('queued', 'deferred')) as queued,
		       (select count(*) from codes c join pools p on p.id = c.pool_id
		        where  c.member_id in $them and c.state in ('reserved', 'issued') and p.kind <> 'shared') as codes,
		       (select coalesce(cast(sum(l.remains) as bigint), 0) from lots l where l.member_id in $them and l.wallet = 'points') as points,
		       (select count(*) from claims c where c.member_id in $them and c.state = 'held') as claims,
		       (select count(*) from segment_members i where i.member_id in $them and i.left_at is null) as segments,
		       (select count(*) from orders o where o.member_id in $them) as orders,
		       (select count(*) from sends s where s.member_id in $them) as mails,
		       (select count(*) from entries n where n.member_id in $them) as entries,
		       (select count(*) from consents c where c.member_id in $them) as consents
		from   members m
		where  m.id = @id`), args)
	if err != nil {
		return e, fmt.Errorf("what is to be erased of member %d: %w", member, err)
	}
	return e, nil
}

// Erase takes away what names a member and what they said, and ends what is under way for
// them; by is who did it. What stays are figures, with a husk that nothing finds, the proof
// of consent, and the keyed hash of the address among the suppressions. Doing it again
// changes nothing. Who comes back with an order is somebody new, without consent.
func Erase(tx *store.Tx, member int64, by string) (e Erased, err error) {
	ids, err := them(tx, member)
	if err != nil {
		return e, err
	}
	if err := tx.HoldMembers(ids); err != nil {
		return e, err
	}
	if e, err = WouldErase(tx, member); err != nil || e.Again {
		return e, err
	}
	today, err := tx.Today()
	if err != nil {
		return e, err
	}
	args := store.Args{"id": member, "ids": store.IDs(ids), "now": tx.At, "today": int64(today)}
	names, err := namesOf(tx, args)
	if err != nil {
		return e, err
	}
	for _, step := range []func() error{
		func() error { return suppress(tx, ids, by) },
		func() error {
			return flows.EndWhere(tx, "p.member_id in "+tx.In("@members"), store.Args{"members": args["ids"]}, "erased")
		},
		func() error { return skipWaiting(tx, args) },
		func() error { return endPoints(tx, ids, by) },
		func() error { return hashTexts(tx, args) },
		func() error { return eraseTables(tx, args) },
		func() error { return eraseMentions(tx, names) },
		func() error { return husk(tx, ids, args) },
	} {
		if err := step(); err != nil {
			return e, fmt.Errorf("erasing member %d: %w", member, err)
		}
	}
	return e, staff.Note(tx, staff.Act{By: by, Act: "erase", About: about(member), After: "erased: figures and the proof of consent stay"})
}

// them are a member and all who were made one with them, in the order of their ids.
func them(tx *store.Tx, member int64) (ids []int64, err error) {
	if err := tx.All(&ids, becameSQL, store.Args{"id": member}); err != nil {
		return nil, fmt.Errorf("who became member %d: %w", member, err)
	}
	ids = append(ids, member)
	slices.Sort(ids)
	return ids, nil
}

// suppress keeps the addresses of members from getting anything.
func suppress(tx *store.Tx, ids []int64, by string) error {
	pepper, err := consent.Pepper(tx)
	if err != nil {
		return err
	}
	args := store.Args{"ids": store.IDs(ids)}
	var addresses []string
	if err := tx.All(&addresses, filled(tx, "select value from member_keys where member_id in $them and kind = 'email' order by value"), args); err != nil {
		return err
	}
	var now []struct{ EmailKey []byte }
	if err := tx.All(&now, filled(tx, "select email_key from members where id in $them and email_key is not null order by id"), args); err != nil {
		return err
	}
	var keys [][]byte
	for _, row := range now {
		keys = append(keys, row.EmailKey)
	}
	for _, a := range addresses {
		keys = append(keys, consent.Key(pepper, a))
	}
	if err := consent.SuppressAll(tx, keys, consent.ErasedWish, by); err != nil {
		return err
	}
	for _, table := range []string{"questions", "soft_bounces"} {
		if _, err := tx.Exec("delete from "+table+" where email_key in (select r.email_key from "+tx.Values("email_key bytea")+")", store.Args{"rows": store.Column(keys)}); err != nil {
			return err
		}
	}
	return nil
}

// skipWaiting skips the single mails that wait without a passage. Those of a run are
// skipped by the gate at their turn, so that its figures stay.
func skipWaiting(tx *store.Tx, args store.Args) error {
	var waiting []int64
	err := tx.All(&waiting, filled(tx, `
		select d.send_id
		from   due d join sends s on s.id = d.send_id
		where  s.member_id in $them and s.run_id is null and s.state in ('queued', 'deferred')
		order  by d.send_id `)+tx.ForUpdateOf("d"), args)
	if err != nil || len(waiting) == 0 {
		return err
	}
	var skipped []int64
	err = tx.All(&skipped, `
		update sends
		set    state = 'skipped', reason = '`+consent.Erased+`', done_at = @now
		where  id in `+tx.In("@waiting")+` and state in ('queued', 'deferred')
		returning id`, store.Args{"waiting": store.IDs(waiting), "now": tx.At})
	if err != nil {
		return err
	}
	return flows.LetGo(tx, skipped)
}

func endPoints(tx *store.Tx, ids []int64, by string) error {
	err := intake.WithPoints(tx, func(r *points.Rules) ([]int64, error) { return nil, r.End(tx, ids, "the member was erased", by) })
	if errors.Is(err, points.ErrNone) {
		return nil
	}
	return err
}

// hashed begins what stands for a text that was agreed to.
const hashed = "sha256:"

// hashTexts keeps of texts that were agreed to what proves a text to be the one.
func hashTexts(tx *store.Tx, args store.Args) error {
	var texts []struct {
		ID   int64
		Said string
	}
	if err := tx.All(&texts, filled(tx, "select id, said from consents where member_id in $them and said <> '' and said not like '"+hashed+"%'"), args); err != nil {
		return err
	}
	var rows [][]any
	for _, t := range texts {
		sum := sha256.Sum256([]byte(t.Said))
		rows = append(rows, []any{t.ID, hashed + hex.EncodeToString(sum[:])})
	}
	if rows == nil {
		return nil
	}
	_, err := tx.Exec("update consents set said = r.said from "+tx.Values("id bigint", "said text")+" where consents.id = r.id", store.Args{"rows": store.Rows(rows)})
	return err
}

func eraseTables(tx *store.Tx, args store.Args) error {
	said := `json_object('_order', json(properties -> '_order'))` // what an event said of its order: later ones are held against it
	if tx.Postgres() {
		said = "jsonb_build_object('_order', properties -> '_order')"
	}
	for _, t := range tables {
		for _, text := range t.erase {
			text = strings.ReplaceAll(text, "$said", said)
			if _, err := tx.Exec(filled(tx, text), args); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	for _, text := range []string{
		"update referrals set state = 'ended', reason = 'erased' where state = 'pending' and (referrer_id in $them or friend_id in $them)",
		"update referrals set reason = '' where by_whom <> '' and reason <> '' and (referrer_id in $them or friend_id in $them)",
	} {
		if _, err := tx.Exec(filled(tx, text), args); err != nil {
			return fmt.Errorf("referrals: %w", err)
		}
	}
	return nil
}

// name is something that stands for a person in a text of somebody else's.
type name struct{ Kind, Value string }

// namesOf reads by what members are named in texts.
func namesOf(tx *store.Tx, args store.Args) (all []name, err error) {
	err = tx.All(&all, filled(tx, `
		select kind, value from member_keys where member_id in $them and kind not in ('made', 'shared')
		union
		select 'id', external_id from members where id in $them
		union
		select 'email', email from members where id in $them and email <> ''
		union
		select 'phone', phone from members where id in $them and phone <> ''`), args)
	return all, err
}

// shortest is how long a phone or a card is at least that is looked for inside of texts:
// what is shorter stands in anybody's.
const shortest = 6

// inside is how a name stands inside of JSON; "": it is not looked for.
func (n name) inside() string {
	switch {
	case n.Kind == "email" || n.Kind != "id" && !strings.HasPrefix(n.Kind, "source:") && len(n.Value) >= shortest:
		return n.Value
	}
	return store.JSON(n.Value)
}

// eraseMentions takes away what other tables say of the person: raw bodies, events of
// orders that are yet to come, payloads of jobs, and by whom others were brought.
func eraseMentions(tx *store.Tx, names []name) error {
	body, event, payload := "instr(body, cast(@v as blob)) > 0", "instr(event, @v) > 0", "instr(payload, @v) > 0 or instr(outcome, @v) > 0 or instr(coalesce(key, ''), @v) > 0"
	if tx.Postgres() {
		body, event = "position(convert_to(@v, 'UTF8') in body) > 0", "position(@v in cast(event as text)) > 0"
		payload = "position(@v in cast(payload as text)) > 0 or position(@v in outcome) > 0 or position(@v in coalesce(key, '')) > 0"
	}
	// As loyalty.FoldCode has it, of what people type.
	const code = "replace(replace(replace(replace(replace(upper(referred_by), '-', ''), ' ', ''), 'O', '0'), 'I', '1'), 'L', '1')"
	for _, n := range names {
		brought := "referred_by = @name"
		if n.Kind == coupon.ReferralKey {
			brought = "length(referred_by) < 20 and " + code + " = @name"
		}
		args := store.Args{"v": n.inside(), "name": n.Value, "now": tx.At}
		for _, text := range []string{
			"delete from hooks where body is not null and " + body,
			"delete from early_events where " + event,
			`update jobs
			 set    payload = '{}', outcome = '', key = null,
			        state = case when state = 'queued' then 'cancelled' else state end,
			        finished_at = case when state = 'queued' then ` + tx.Instant("@now") + ` else finished_at end
			 where ` + payload,
			"update members set referred_by = '' where " + brought,
		} {
			if _, err := tx.Exec(text, args); err != nil {
				return fmt.Errorf("what names them elsewhere: %w", err)
			}
		}
	}
	return nil
}

// about is how the audit names a member.
func about(member int64) string { return fmt.Sprintf("member %d", member) }

// husk empties the rows of members. Their names are such that no shop sends one.
func husk(tx *store.Tx, ids []int64, args store.Args) error {
	for _, id := range ids {
		args["one"], args["name"] = id, intake.ErasedName+rand.Text()
		if _, err := tx.Exec(`
			update members
			set    external_id = @name, named = false, email = '', email_key = null, phone = '', card = '', first_name = '', last_name = '',
			       language = '', country = '', time_zone = '', birth_year = null, birth_month = null, birth_date = null, attributes = '{}',
			       referred_by = '', fingerprint = null, changed_at = @now, erased_at = @now
			where  id = @one`, args); err != nil {
			return err
		}
		// By number the audit names them still; what people wrote beside it goes.
		if _, err := tx.Exec("update audit set before = '', after = '' where about = @about", store.Args{"about": about(id)}); err != nil {
			return err
		}
	}
	return nil
}

// Shred has what was erased leave the files of the database, too. Call it after the
// commit. That it does not come to an end now is no reason to say that nobody was erased.
func Shred(ctx context.Context, db *store.DB) {
	shredded := []string{"members", "hooks", "early_events", "jobs", "audit"}
	for _, t := range tables {
		if t.erase != nil {
			shredded = append(shredded, t.name)
		}
	}
	if err := db.Shred(ctx, shredded...); err != nil {
		db.Log().WarnContext(ctx, "what was erased is still in the database's files until it tidies up by itself", "err", err)
	}
}

// EraseAgain erases those who had themselves erased before the database was restored from
// a copy that still knows them, and returns how many: the suppression of their address,
// which is recorded outside the database, is younger than their row.
func EraseAgain(tx *store.Tx) (n int, err error) {
	var rows []struct {
		ID int64
		At loyalty.Instant
	}
	err = tx.All(&rows, `
		select m.id, s.at
		from   suppressions s join members m on m.email_key = s.email_key
		where  s.reason = '`+consent.ErasedWish+`' and m.created_at < s.at and m.erased_at is null and m.merged_into is null
		order  by m.id`, nil)
	if err != nil {
		return 0, fmt.Errorf("who had themselves erased: %w", err)
	}
	for _, row := range rows {
		if _, err := Erase(tx, row.ID, "restored"); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

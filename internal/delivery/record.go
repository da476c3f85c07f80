package delivery

import (
	"encoding/hex"
	"fmt"
	"slices"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
)

// Whose rows a record may touch. Whoever lost the lease may still say how an
// unknown mail ended, as long as nobody has claimed it since.
const (
	ofClaim  = "sends.fence = r.fence and sends.state in ('claimed', 'handing', 'unknown')"
	ofBatch  = "sends.fence <= r.fence and (sends.state = 'queued' or sends.state = 'skipped' and r.tried = 1)" // what was on the wire stands, whatever the row says
	ofLost   = "sends.fence = r.fence and sends.state = 'unknown'"
	ofFailed = "sends.fence = r.fence and sends.state = 'failed'"
	ofNews   = "sends.fence = r.fence and sends.state in ('sent', 'unknown', 'bounced', 'complained')"
)

// row is an result as the statement reads it.
type row struct {
	ID     int64  `json:"id"`
	Fence  int64  `json:"fence"`
	State  string `json:"state"`
	Reason string `json:"reason"`
	Tried  int    `json:"tried"`
	Final  int    `json:"final"`
	Code   int    `json:"code"`
	Words  string `json:"words"`
	Key    string `json:"key"`
}

func (e result) row() row {
	r := row{ID: e.s.Send, Fence: e.s.fence, State: e.state, Reason: e.reason, Code: e.code, Words: e.words}
	if e.tried {
		r.Key = hex.EncodeToString(e.s.EmailKey)
		if !e.s.begun {
			r.Tried = 1
		}
	}
	if e.final() {
		r.Final = 1
	}
	return r
}

// record writes results down in one statement, with all that they bring: due
// rows, caps, codes, suppressions, passages. It returns those that took effect.
// lane is where a send of a chunk waits that goes again.
func record(tx *store.Tx, lane, whose string, results []result) ([]result, error) {
	if len(results) == 0 {
		return nil, nil
	}
	rows := make([]row, len(results))
	for i, e := range results {
		rows[i] = e.row()
	}
	handed := handedAt(results)
	sends := make([]*send, len(results))
	for i, e := range results {
		sends[i] = e.s
	}
	day, err := handedDay(tx, handed, sends)
	if err != nil {
		return nil, err
	}
	args := store.Args{"now": tx.At, "handed": handed, "day": day}
	from := "(" + inOne(tx, rows, args) + ") r"
	if from == "() r" {
		args["rows"], from = store.JSON(rows), rowsOf(tx)
	}
	var done []int64
	err = tx.All(&done, `
		update sends
		set    state     = r.state,
		       reason    = r.reason,
		       fence     = r.fence,
		       attempts  = attempts + r.tried,
		       handed_at = case when r.tried = 1 then coalesce(@handed, handed_at) else handed_at end,
		       sent_day  = case when r.tried = 1 then coalesce(cast(@day as bigint), sent_day) else sent_day end,
		       done_at   = case when r.final = 1 then `+tx.Instant("@now")+` end,
		       smtp_code = case when r.code > 0 then r.code else smtp_code end,
		       smtp_text = case when r.words <> '' then r.words else smtp_text end,
		       email_key = case when r.key <> '' then `+unhex(tx, "r.key")+` else email_key end
		from   `+from+`
		where  sends.id = r.id and `+opaque(whose)+`
		returning sends.id`, args)
	if err != nil {
		return nil, fmt.Errorf("recording %d sends: %w", len(results), err)
	}
	effective := those(results, done)
	return effective, follow(tx, lane, effective)
}

// handedAt is when the attempts were begun that no mark has counted: one moment
// for a whole batch, none where the relay refused before the body.
func handedAt(results []result) loyalty.Instant {
	for _, e := range results {
		if e.tried && !e.s.begun {
			return e.s.handedAt
		}
	}
	return loyalty.Instant{}
}

// handedDay is the shop's day of that moment, as rules count it; nil: none.
func handedDay(tx *store.Tx, handed loyalty.Instant, sends []*send) (any, error) {
	if handed.IsZero() {
		return nil, nil
	}
	for _, s := range sends {
		if s.plan != nil {
			return int64(s.plan.today(handed)), nil
		}
	}
	zone, err := tx.Zone()
	if err != nil {
		return nil, err
	}
	return int64(loyalty.DayOf(handed.Time, zone)), nil
}

// rowsOf is @rows as a table r. Postgres takes JSON for a hundred rows, and for two
// would read the whole ledger; the limit that it cannot see makes it ten.
func rowsOf(tx *store.Tx) string {
	if tx.Postgres() {
		return "(select * from jsonb_to_recordset(" + tx.JSONParam("@rows") + `)
		       as r(id bigint, fence bigint, state text, reason text, tried integer, final integer, code integer, words text, key text)
		       limit (select jsonb_array_length(` + tx.JSONParam("@rows") + `))) r`
	}
	return `(select value ->> 'id' as id, value ->> 'fence' as fence, value ->> 'state' as state, value ->> 'reason' as reason,
	                value ->> 'tried' as tried, value ->> 'final' as final, value ->> 'code' as code, value ->> 'words' as words, value ->> 'key' as key
	         from   json_each(@rows)) r`
}

// inOne is rowsOf for results of which all but the send and its address are the same, as
// those of most batches are: Postgres then has no JSON to read. It is "" for others.
func inOne(tx *store.Tx, rows []row, args store.Args) string {
	if !tx.Postgres() {
		return ""
	}
	first, ids, keys := rows[0], make([]int64, len(rows)), make([]string, len(rows))
	for i, r := range rows {
		ids[i], keys[i] = r.ID, r.Key
		if r.ID, r.Key = first.ID, first.Key; r != first {
			return ""
		}
	}
	args["ids"], args["keys"] = store.Array(ids), store.Array(keys)
	args["fence"], args["state"], args["reason"], args["tried"] = first.Fence, first.State, first.Reason, first.Tried
	args["final"], args["code"], args["words"] = first.Final, first.Code, first.Words
	return `select u.id, u.key, cast(@fence as bigint) as fence, cast(@state as text) as state, cast(@reason as text) as reason, cast(@tried as integer) as tried,
		       cast(@final as integer) as final, cast(@code as integer) as code, cast(@words as text) as words
		from   unnest(cast(@ids as bigint[]), cast(@keys as text[])) u(id, key)
		limit (select cardinality(cast(@ids as bigint[])))`
}

// opaque is a condition whose odds the planner does not guess. In tables that were
// just filled it takes a state for rare, and would begin with all the rows that
// have it, where a few ids are given.
func opaque(condition string) string { return "case when " + condition + " then true else false end" }

func unhex(tx *store.Tx, expr string) string {
	if tx.Postgres() {
		return "decode(" + expr + ", 'hex')"
	}
	return "unhex(" + expr + ")"
}

func those(results []result, ids []int64) []result {
	if len(ids) == len(results) {
		return results
	}
	has := make(map[int64]bool, len(ids))
	for _, id := range ids {
		has[id] = true
	}
	var left []result
	for _, e := range results {
		if has[e.s.Send] {
			left = append(left, e)
		}
	}
	return left
}

// follow does what results bring with them, a statement for each kind.
func follow(tx *store.Tx, lane string, results []result) error {
	for _, step := range []func() error{
		func() error { return dueAgain(tx, lane, results) },
		func() error { return giveBack(tx, results) },
		func() error { return cool(tx, results) },
		func() error { return suppress(tx, results) },
		func() error { return countFull(tx, results) },
		func() error { return settleCodes(tx, results) },
		func() error { return wake(tx, results) },
		func() error { return tell(tx, results) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// giveBack frees the places under the caps of mails that were not sent.
func giveBack(tx *store.Tx, results []result) error {
	members := map[loyalty.Instant][]int64{}
	for _, e := range results {
		if e.s.counted && e.unsent() {
			members[e.s.handedAt] = append(members[e.s.handedAt], e.s.Member)
		}
	}
	for at, ids := range members {
		if err := consent.GiveBackCap(tx, ids, at); err != nil {
			return err
		}
	}
	return nil
}

// cool gives the places in the warm-up of mails back that were not sent.
func cool(tx *store.Tx, results []result) error {
	days := map[loyalty.Day]int{}
	for _, e := range results {
		if e.cools() {
			days[e.s.warmed]++
		}
	}
	for day, n := range days {
		if err := tx.ReturnWarmup(day, n); err != nil {
			return err
		}
	}
	return nil
}

func suppress(tx *store.Tx, results []result) error {
	var keys [][]byte
	for _, e := range results {
		if e.hard() && len(e.s.EmailKey) > 0 {
			keys = append(keys, e.s.EmailKey)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return consent.SuppressAll(tx, keys, consent.HardBounce, "smtp")
}

// settleCodes: a code whose mail was sent is issued, with the last day that its letter
// shows; one that came back is void, for somebody may have seen it; one that nobody saw is
// free. Where the mail may have been seen and the letter is not at hand, the code gets the
// last day that the letter showed, by the day of its mark.
func settleCodes(tx *store.Tx, results []result) error {
	undated := map[loyalty.Day][]int64{} // codes, by the day of their letters
	issued := map[loyalty.Day][]int64{}  // codes, by their last day
	ids := map[string][]int64{}          // sends
	for _, e := range results {
		switch {
		case e.s.Code == 0:
			continue
		case e.state == sent && e.s.letter != nil:
			issued[e.s.letter.ends] = append(issued[e.s.letter.ends], e.s.Code)
		case e.state == sent:
			issued[0] = append(issued[0], e.s.Code)
		default:
			ids[e.state] = append(ids[e.state], e.s.Send)
		}
		if e.tried && !e.s.begun && (e.state == unknown || e.state == sent && e.s.letter == nil) {
			day, err := handedDay(tx, e.s.handedAt, []*send{e.s})
			if err != nil {
				return err
			}
			if n, known := day.(int64); known {
				undated[loyalty.Day(n)] = append(undated[loyalty.Day(n)], e.s.Code)
			}
		}
	}
	for day, codes := range undated {
		if err := coupon.Date(tx, codes, day); err != nil {
			return err
		}
	}
	for end, codes := range issued {
		if err := coupon.Issued(tx, codes, end); err != nil {
			return err
		}
	}
	for state, settle := range map[string]func(*store.Tx, []int64) error{failed: coupon.Void, bounced: coupon.Void, skipped: coupon.Release} {
		if len(ids[state]) == 0 {
			continue
		}
		if err := settle(tx, ids[state]); err != nil {
			return fmt.Errorf("codes of %d sends: %w", len(ids[state]), err)
		}
	}
	return nil
}

// wake lets the passages go on that waited for a send. That of a mail which a
// person sent once more has long gone on.
func wake(tx *store.Tx, results []result) error {
	var ids []int64
	for _, e := range results {
		if e.final() && e.s.reason != resent && (e.s.Run == 0 || e.s.plan == nil || e.s.plan.flow) {
			ids = append(ids, e.s.Send)
		}
	}
	return tx.WakePassages(ids)
}

// tell has other systems hear of mails that were sent, and of those that bounced.
func tell(tx *store.Tx, results []result) error {
	ids := map[string][]int64{}
	for _, e := range results {
		switch {
		case e.state == sent:
			ids[loyalty.ToldSent] = append(ids[loyalty.ToldSent], e.s.Send)
		case e.hard():
			ids[loyalty.ToldBounced] = append(ids[loyalty.ToldBounced], e.s.Send)
		}
	}
	for _, kind := range []string{loyalty.ToldSent, loyalty.ToldBounced} {
		if err := TellOf(tx, kind, ids[kind]); err != nil {
			return err
		}
	}
	return nil
}

// TellOf has other systems hear what became of sends: loyalty.ToldSent or ToldBounced.
func TellOf(tx *store.Tx, kind string, sends []int64) error {
	if len(sends) == 0 {
		return nil
	}
	detail := outbox.Detail(tx, "campaign", "c.name", "mail", "s.step", "topic", "s.topic", "send", "s.id", "code", "k.code",
		"reason", "nullif(s.reason, '')", "smtp_code", "case when s.state <> 'sent' then nullif(s.smtp_code, 0) end")
	return outbox.TellOf(tx, kind, `
		select s.id as n, s.member_id, `+detail+` as detail
		from   sends s
		join   campaigns c on c.id = s.campaign_id
		left   join codes k on k.id = s.code_id
		where  s.id in `+tx.In("@ids"), store.Args{"ids": store.IDs(sends)})
}

// mailsWork is the work of a campaign that delivery sets back.
const mailsWork = "mails"

// recovered says of campaigns that were set back that a mail of theirs was made.
func recovered(tx *store.Tx, results []result) error {
	var setBack []string
	if err := tx.All(&setBack, "select scope from setbacks where work = '"+mailsWork+"'", nil); err != nil || len(setBack) == 0 {
		return err
	}
	for _, e := range results {
		scope := store.ScopeCampaign(e.s.Campaign)
		if e.s.letter == nil || !slices.Contains(setBack, scope) {
			continue
		}
		var waiting int
		err := tx.One(&waiting, "select count(*) from due d join sends s on s.id = d.send_id where s.campaign_id = @campaign and s.state = 'queued' and d.retry_at > "+tx.Machine(),
			store.Args{"campaign": e.s.Campaign})
		if err != nil {
			return err
		}
		if waiting > 0 {
			continue
		}
		if err := tx.Recovered(scope, mailsWork); err != nil {
			return err
		}
	}
	return nil
}

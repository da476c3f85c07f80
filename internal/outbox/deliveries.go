package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// The states of a delivery.
const (
	Waiting   = "waiting"
	Delivered = "delivered"
	Dead      = "dead" // given up, until a person replays it
)

// Delivery is one thing that one destination is told.
type Delivery struct {
	ID          int64
	Destination string // its name
	Type        string
	MemberID    *int64
	Member      *string // the shop's id; nil: it is about nobody, or they are erased
	Email       *string // only where the destination is told it
	At          loyalty.Instant
	WrittenAt   loyalty.Instant
	Detail      string
	State       string
	Attempts    int
	NextAt      loyalty.Instant
	DoneAt      loyalty.Instant
	Status      int
	Because     string
}

// Message is the webhook-id: the same with each attempt, and none that another delivery
// has, also not in a database that was restored from a copy and has given the id again.
func (d Delivery) Message() string {
	return "msg_" + strconv.FormatInt(d.WrittenAt.UnixMicro(), 36) + "_" + strconv.FormatInt(d.ID, 10)
}

// Body is what is sent, as the Standard Webhooks specification proposes it.
func (d Delivery) Body() ([]byte, error) {
	data := map[string]any{}
	if err := json.Unmarshal([]byte(d.Detail), &data); err != nil {
		return nil, fmt.Errorf("what delivery %d tells: %w", d.ID, err)
	}
	for name, value := range data {
		if value == nil {
			delete(data, name)
		}
	}
	if d.Member != nil {
		member := map[string]string{"id": *d.Member}
		if d.Email != nil {
			member["email"] = *d.Email
		}
		data["member"] = member
	}
	return json.Marshal(struct {
		Type      string         `json:"type"`
		Timestamp time.Time      `json:"timestamp"`
		Data      map[string]any `json:"data"`
	}{d.Type, d.At.UTC(), data})
}

// columns are those of a Delivery, of a row w, its destination d and its member m, or
// whom that was merged into: i.
const columns = `w.id, d.name as destination, w.type, w.member_id, w.at, w.written_at, cast(w.detail as text) as detail, w.state, w.attempts, w.next_at, w.done_at, w.status, w.because,
		       case when m.erased_at is null and i.erased_at is null then coalesce(i.external_id, m.external_id) end as member,
		       case when d.email and m.erased_at is null and i.erased_at is null then coalesce(i.email, m.email) end as email`

const joined = `
		join   hook_destinations d on d.id = w.destination_id
		left   join members m on m.id = w.member_id
		left   join members i on i.id = m.merged_into`

// Lease is for how long a delivery is whose who has claimed it: longer than all that
// is claimed at once may take.
const Lease = 2 * time.Minute

// Claim takes up some deliveries for a destination, at most so many, the oldest first,
// and one where the last ones all failed: whether it is back. Each counts as an attempt.
func Claim(tx *store.Tx, destination int64, most int, keys []string) (to Destination, all []Delivery, err error) {
	var row struct {
		ID       int64
		Name     string
		URL      string
		Failures int
	}
	err = tx.One(&row, "select id, name, url, failures from hook_destinations where id = @id and id in ("+Due(tx)+")",
		store.Args{"id": destination, "hooks": append(slices.Clone(keys), "")})
	if errors.Is(err, store.ErrNotFound) {
		return to, nil, nil
	}
	if err != nil {
		return to, nil, err
	}
	if row.Failures > 0 {
		most = 1
	}
	to = Destination{ID: row.ID, Name: row.Name, URL: row.URL, Failures: row.Failures}
	args := store.Args{"id": destination, "most": most}
	var ids []int64
	err = tx.All(&ids, `
		update hook_deliveries
		set    attempts = attempts + 1, next_at = `+tx.MachineIn(Lease)+`
		where  id in (select id from hook_deliveries where destination_id = @id and state = 'waiting' and next_at <= `+tx.Machine()+`
		              order by next_at, id limit @most `+tx.SkipLocked()+`)
		returning id`, args)
	if err != nil || len(ids) == 0 {
		return to, nil, err
	}
	args["ids"] = store.IDs(ids)
	err = tx.All(&all, "select "+columns+" from hook_deliveries w"+joined+" where w.id in "+tx.In("@ids")+" order by w.id", args)
	return to, all, err
}

// Result is what became of an attempt.
type Result struct {
	Delivery Delivery
	State    string // Delivered | Waiting | Dead
	Unsent   bool   // Waiting: it was not begun, and counts as no attempt
	Pause    time.Duration
	Status   int           // what was answered; 0: nothing
	Because  string        // what failed; "": nothing did
	Asked    time.Duration // for how long the destination asks to be spared
}

// Rest is what a destination needs after its results. The zero value: nothing, it takes
// what it is sent.
type Rest struct {
	Pause   time.Duration // for how long it is spared
	Because string        // what it failed with
	Gone    string        // it is disabled, because of this
}

// Record writes down what became of claimed deliveries, and how long their destination is
// spared. Those whose lease has run out and that somebody else has claimed stay theirs.
func Record(tx *store.Tx, destination int64, results []Result, rest Rest) error {
	rows := make([][]any, len(results))
	for i, r := range results {
		unsent := 0
		if r.Unsent {
			unsent = 1
		}
		rows[i] = []any{r.Delivery.ID, r.Delivery.Attempts, unsent, r.State, r.Pause.Microseconds(), r.Status, r.Because}
	}
	next := "r.pause + " + tx.Machine()
	if tx.Postgres() {
		next = tx.Machine() + " + r.pause * interval '1 microsecond'"
	}
	_, err := tx.Exec(`
		update hook_deliveries
		set    state    = r.state,
		       attempts = hook_deliveries.attempts - r.unsent,
		       next_at  = `+next+`,
		       status   = case when r.unsent = 1 then hook_deliveries.status else r.status end,
		       because  = case when r.unsent = 1 then hook_deliveries.because else r.because end,
		       done_at  = case when r.state <> 'waiting' then `+tx.Machine()+` end
		from   `+tx.Values("id bigint", "attempts integer", "unsent integer", "state text", "pause bigint", "status integer", "because text")+`
		where  hook_deliveries.id = r.id and hook_deliveries.attempts = r.attempts and hook_deliveries.state = 'waiting'`,
		store.Args{"rows": store.Rows(rows)})
	if err != nil {
		return fmt.Errorf("recording %d webhooks: %w", len(results), err)
	}
	set := "failures = 0, failing = '', failing_at = null, rest_until = null"
	if rest.Because != "" {
		set = "failures = failures + 1, failing = @because, failing_at = coalesce(failing_at, " + tx.Machine() + "), rest_until = " + tx.MachineIn(rest.Pause)
	}
	if rest.Gone != "" {
		set = "disabled = @gone, disabled_at = @now"
	}
	_, err = tx.Exec("update hook_destinations set "+set+" where id = @id and (failures > 0 or @because <> '' or @gone <> '')",
		store.Args{"id": destination, "because": rest.Because, "gone": rest.Gone, "now": tx.At})
	if err != nil {
		return fmt.Errorf("how a destination takes webhooks: %w", err)
	}
	return nil
}

// List returns the newest deliveries first, of a destination or of all (""), and in a
// state or in any ("").
func List(tx *store.Tx, destination, state string, most int) (all []Delivery, err error) {
	if destination != "" {
		var n int
		if err := tx.One(&n, "select count(*) from hook_destinations where name = @name", store.Args{"name": destination}); err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, store.Missing(unknown(tx, destination))
		}
	}
	err = tx.All(&all, "select "+columns+" from hook_deliveries w"+joined+`
		where  (@name = '' or d.name = @name) and (@state = '' or w.state = @state)
		order  by w.id desc
		limit  @most`, store.Args{"name": destination, "state": state, "most": most})
	return all, err
}

// Show returns one delivery, or store.ErrNotFound.
func Show(tx *store.Tx, id int64) (d Delivery, err error) {
	err = tx.One(&d, "select "+columns+" from hook_deliveries w"+joined+" where w.id = @id", store.Args{"id": id})
	if errors.Is(err, store.ErrNotFound) {
		err = store.Missing(fmt.Sprintf("there is no delivery %d: delivered ones are kept for 7 days, others for 30", id))
	}
	return d, err
}

// Replay has deliveries sent once more, from the beginning, under the webhook-ids that
// they have: those of ids, or all that are dead for a destination. It returns how many.
func Replay(tx *store.Tx, ids []int64, deadOf string) (int64, error) {
	return again(tx, "set state = 'waiting', attempts = 0, next_at = "+tx.Machine()+", done_at = null", ids, deadOf)
}

// Drop gives dead deliveries up for good, as Replay sends them once more.
func Drop(tx *store.Tx, ids []int64, deadOf string) (int64, error) {
	return again(tx, "", ids, deadOf)
}

func again(tx *store.Tx, set string, ids []int64, deadOf string) (n int64, err error) {
	which := "id in " + tx.In("@ids")
	if deadOf != "" {
		if _, err := List(tx, deadOf, "", 1); err != nil {
			return 0, err
		}
		which = "state = 'dead' and destination_id = (select id from hook_destinations where name = @name)"
	}
	args := store.Args{"ids": store.IDs(ids), "name": deadOf}
	if set == "" {
		return tx.Exec("delete from hook_deliveries where state = 'dead' and "+which, args)
	}
	var to []int64
	err = tx.All(&to, "update hook_deliveries "+set+" where "+which+" returning destination_id", args)
	n = int64(len(to))
	slices.Sort(to)
	for _, id := range slices.Compact(to) {
		tx.Wake(PostWork + ":" + strconv.FormatInt(id, 10))
	}
	return n, err
}

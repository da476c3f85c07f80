package outbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"regulars/internal/store"
)

// PostWork is the kind of work that sends what is written here.
const PostWork = "hook.post"

// News is one thing that happened to a member.
type News struct {
	Member int64 // 0: it is about nobody
	Detail any   // what is told beside the member: an object; nil: nothing
}

// Tell writes down for every destination that wants to hear of it that something of a
// kind (loyalty.Told) has happened now.
func Tell(tx *store.Tx, kind string, all []News) error {
	if len(all) == 0 {
		return nil
	}
	if wanted, err := Wants(tx, kind); !wanted || err != nil {
		return err
	}
	rows := make([][]any, len(all))
	for i, n := range all {
		detail := json.RawMessage("{}")
		if n.Detail != nil {
			detail = json.RawMessage(store.JSON(n.Detail))
		}
		rows[i] = []any{i, n.Member, detail}
	}
	return TellOf(tx, kind, "select r.n, r.member_id, r.detail from "+tx.Values("n bigint", "member_id bigint", "detail jsonb"), store.Args{"rows": store.Rows(rows)})
}

// TellOf is Tell of what a query finds. Its columns are n, by which the rows are put in
// order, member_id, and detail, which is Detail or an object of JSON.
func TellOf(tx *store.Tx, kind, query string, args store.Args) error {
	wanting, err := wanting(tx, kind)
	if err != nil || len(wanting) == 0 {
		return err
	}
	all := store.Args{"hook_type": kind, "hook_to": store.IDs(wanting), "hook_now": tx.At}
	for name, value := range args {
		all[name] = value
	}
	_, err = tx.Exec(`
		insert into hook_deliveries (destination_id, type, member_id, at, detail, next_at, written_at)
		select ids.value, cast(@hook_type as text), nullif(q.member_id, 0), `+tx.Instant("@hook_now")+`, q.detail, `+tx.Machine()+`, `+tx.Machine()+`
		from  (`+query+`) q cross join `+tx.JSONEach("@hook_to")+`
		where  true
		order  by q.n, ids.value`, all)
	if err != nil {
		return fmt.Errorf("writing down whom to tell of %s: %w", kind, err)
	}
	for _, id := range wanting {
		tx.Wake(PostWork + ":" + strconv.FormatInt(id, 10))
	}
	return nil
}

// Detail is an object, as SQL: names, each with the expression of its value. What is null
// is not told.
func Detail(tx *store.Tx, pairs ...string) string {
	object := "json_object("
	if tx.Postgres() {
		object = "jsonb_build_object("
	}
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			object += ", "
		}
		object += "'" + pairs[i] + "', " + pairs[i+1]
	}
	return object + ")"
}

// Wants reports whether a destination wants to hear of a kind.
func Wants(tx *store.Tx, kind string) (bool, error) {
	all, err := wanting(tx, kind)
	return len(all) > 0, err
}

// destinations is under which Lately keeps which destinations want what; they are as they
// were at most as old as that.
type destinations struct{}

const remembered = 2 * time.Second

func wanting(tx *store.Tx, kind string) (ids []int64, err error) {
	byKind, err := store.Lately(tx, destinations{}, remembered, func() (map[string][]int64, error) {
		var rows []struct {
			ID     int64
			Events string
		}
		if err := tx.All(&rows, "select id, cast(events as text) as events from hook_destinations order by id", nil); err != nil {
			return nil, fmt.Errorf("reading which webhooks want what: %w", err)
		}
		all := map[string][]int64{}
		for _, row := range rows {
			var kinds []string
			if err := json.Unmarshal([]byte(row.Events), &kinds); err != nil {
				return nil, fmt.Errorf("the events of destination %d: %w", row.ID, err)
			}
			for _, kind := range kinds {
				all[kind] = append(all[kind], row.ID)
			}
		}
		return all, nil
	})
	return slices.Clone(byKind[kind]), err
}

package consent

import (
	"fmt"

	"regulars/internal/store"
)

// Merge gives a member the answers of another who is the same person: both ledgers are
// one, and the newest word in it stands, by the rules of SetAll. Where two answers are of
// one moment the no stands, and a yes without a time stands over no refusal of either.
// Both members are locked.
func Merge(tx *store.Tx, from, into int64) error {
	args := store.Args{"from": from, "into": into}
	rows := make([][]any, len(Topics()))
	for i, topic := range Topics() {
		rows[i] = []any{into, topic}
	}
	args["rows"] = store.Rows(rows)
	for _, text := range []string{
		"update consents set member_id = @into where member_id = @from",
		`insert into member_topics (member_id, topic, granted, changed_at)
		 select cast(@into as bigint), topic, granted, changed_at from member_topics where member_id = @from
		 on conflict (member_id, topic) do update
		 set    granted = excluded.granted, changed_at = excluded.changed_at
		 where  excluded.changed_at > member_topics.changed_at or excluded.changed_at = member_topics.changed_at and not excluded.granted`,
		"delete from member_topics where member_id = @from",
	} {
		if _, err := tx.Exec(text, args); err != nil {
			return fmt.Errorf("answers of member %d: %w", from, err)
		}
	}
	if err := stand(tx, tx.Values("member_id bigint", "topic text"), args, false); err != nil {
		return err
	}
	return Inherit(tx, []int64{into})
}

package consent

import (
	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
)

// granted is a topic that a member gets.
type granted struct {
	MemberID int64
	Topic    string
}

// grantedOf is the query for those that the members of r get, of the topics of r.
func grantedOf(r string) string {
	return `
		select distinct t.member_id, t.topic
		from   member_topics t join ` + r + ` on r.member_id = t.member_id and r.topic = t.topic
		where  t.granted
		order  by 1, 2`
}

// tellOfEnds tells other systems of the topics that members had and have no longer.
func tellOfEnds(tx *store.Tx, had []granted) error {
	if len(had) == 0 {
		return nil
	}
	rows := make([][]any, len(had))
	for i, h := range had {
		rows[i] = []any{i, h.MemberID, h.Topic}
	}
	return outbox.TellOf(tx, loyalty.ToldUnsubscribed, `
		select r.n, r.member_id, `+outbox.Detail(tx, "topic", "r.topic")+` as detail
		from   `+tx.Values("n bigint", "member_id bigint", "topic text")+`
		join   member_topics t on t.member_id = r.member_id and t.topic = r.topic
		where  not t.granted`, store.Args{"rows": store.Rows(rows)})
}

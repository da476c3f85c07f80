package consent

import (
	"fmt"

	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// Standing is a member's present answer to one topic.
type Standing struct {
	Topic    string
	Granted  bool            // whether mails of the topic are sent
	Answered bool            // false: the member never said
	At       loyalty.Instant // when they said so last
}

// StandingOf returns a member's answers to all topics, in the order of Topics.
// Who joined gets mails about the program until they say no; offers and
// newsletters need a yes.
func StandingOf(tx *store.Tx, member int64) ([]Standing, error) {
	var joined bool
	err := tx.One(&joined, "select joined_at is not null from members where id = @member", store.Args{"member": member})
	if err != nil {
		return nil, fmt.Errorf("topics of member %d: %w", member, err)
	}
	var rows []struct {
		Topic     string
		Granted   bool
		ChangedAt loyalty.Instant
	}
	err = tx.All(&rows, "select topic, granted, changed_at from member_topics where member_id = @member", store.Args{"member": member})
	if err != nil {
		return nil, fmt.Errorf("topics of member %d: %w", member, err)
	}
	var all []Standing
	for _, topic := range Topics() {
		s := Standing{Topic: topic}
		for _, row := range rows {
			if row.Topic == topic {
				s.Granted, s.Answered, s.At = row.Granted, true, row.ChangedAt
			}
		}
		s.Granted = agreed(topic, joined, s.Answered, s.Granted)
		all = append(all, s)
	}
	return all, nil
}

// agreed says whether mails of a topic may be sent: the one place where a
// missing answer is given a meaning. Joining is asking for the program's mails,
// until they are refused; who has not joined gets none, whatever they said.
func agreed(topic string, joined, answered, granted bool) bool {
	if topic == loyalty.Program {
		return joined && (granted || !answered)
	}
	return answered && granted
}

// Unsubscribed is what a click on a link did.
type Unsubscribed struct {
	Member int64
	Topics []string // now refused
}

// Unsubscribe withdraws a member's consent, from this moment on: from the topic
// of the mail whose link was used, or from every topic when that mail is not to
// be found or was one that needs no consent. It is safe to repeat. A merged
// member's link serves who they became; an erased one's does nothing.
func Unsubscribe(tx *store.Tx, c Claims, how How) (Unsubscribed, error) {
	member, err := Present(tx, c.Member)
	if err != nil {
		return Unsubscribed{}, fmt.Errorf("unsubscribing member %d: %w", c.Member, err)
	}
	topics, err := topicOf(tx, c)
	if err != nil {
		return Unsubscribed{}, fmt.Errorf("unsubscribing member %d: %w", c.Member, err)
	}
	if len(topics) == 1 {
		how.Send = c.Send
	}
	if err := RefuseByLink(tx, c, topics, how); err != nil {
		return Unsubscribed{}, err
	}
	return Unsubscribed{member, topics}, nil
}

// RefuseByLink withdraws consent to topics for the member of a link, and for the
// address that its mail went to, whoever has that by now.
func RefuseByLink(tx *store.Tx, c Claims, topics []string, how How) error {
	member, err := Present(tx, c.Member)
	if err != nil {
		return fmt.Errorf("unsubscribing member %d: %w", c.Member, err)
	}
	if err := Refuse(tx, member, topics, how); err != nil {
		return err
	}
	var went [][]byte
	err = tx.All(&went, `
		select s.email_key from sends s join members m on m.id = @member
		where  s.id = @send and s.member_id in (@member, @was) and s.email_key is not null and s.email_key is distinct from m.email_key`,
		store.Args{"send": c.Send, "member": member, "was": c.Member})
	if err != nil {
		return fmt.Errorf("where the mail of a link went: %w", err)
	}
	for _, key := range went {
		if err := RefuseAddress(tx, key, topics, how.Source); err != nil {
			return err
		}
	}
	return nil
}

// Refuse withdraws consent to topics as the member's own word of this moment:
// it stands even if another replica's clock runs ahead of ours.
func Refuse(tx *store.Tx, member int64, topics []string, how How) error {
	how.At = tx.At
	var later []loyalty.Instant
	err := tx.All(&later, "select changed_at from member_topics where member_id = @member and changed_at > @now order by changed_at",
		store.Args{"member": member, "now": tx.At})
	if err != nil {
		return fmt.Errorf("topics of member %d: %w", member, err)
	}
	if len(later) > 0 {
		how.At, how.exact = later[len(later)-1], true
	}
	var answers []Answer
	for _, topic := range topics {
		answers = append(answers, Answer{member, topic, false, how})
	}
	return SetAll(tx, answers)
}

// Present follows merges to the member that is there now, store.ErrNotFound if there
// never was one. They may have been erased.
func Present(tx *store.Tx, member int64) (int64, error) {
	for range 16 { // a merge of merged members, not a circle
		var into int64
		if err := tx.One(&into, "select coalesce(merged_into, 0) from members where id = @member", store.Args{"member": member}); err != nil {
			return 0, err
		}
		if into == 0 {
			return member, nil
		}
		member = into
	}
	return member, nil
}

// topicOf returns the topic of the mail that a link stood in, all topics when
// that does not narrow it.
func topicOf(tx *store.Tx, c Claims) ([]string, error) {
	var found []string
	err := tx.All(&found, "select topic from sends where id = @send and member_id = @member and class <> 'service'",
		store.Args{"send": c.Send, "member": c.Member})
	if err != nil || len(found) == 0 {
		return Topics(), err
	}
	return found, nil
}

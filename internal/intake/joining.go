package intake

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"regulars/internal/consent"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// With join: {confirm: true}, news that somebody joined is only their wish until
// they confirm it by the link that a mail brings them: they have not joined, and
// the topics that they agreed to on asking wait in joinings. History is the
// shop's word for what was settled before us, so it joins at once, and so does
// somebody without an address, whom no mail could reach: they get none either.

// A member who comes to another address is asked, too: the double opt-in was of
// the mailbox before. What they agreed to waits in joinings until they confirm it
// from the new one.

// askAgain is how long after a mail the next asking brings no other to that
// address, whoever asks and whatever sends it: a form that anybody can post must
// not fill a stranger's mailbox.
const askAgain = 24 * time.Hour

// joining is a row of joinings.
type joining struct {
	MemberID    int64
	EventID     int64
	AskedAt     loyalty.Instant
	MailedAt    loyalty.Instant
	EmailKey    []byte
	Answers     string
	ConfirmedAt loyalty.Instant
}

// agreed is a topic that somebody said yes to on asking: the evidence that is
// kept with the consent once they confirm.
type agreed struct {
	Topic  string          `json:"topic"`
	Source string          `json:"source"`
	Said   string          `json:"said"`
	At     loyalty.Instant `json:"at"`
}

// mustConfirm reports whether the joining that an item tells of is yet to be confirmed.
func (b *batch) mustConfirm(it *item) bool {
	return (b.shop.confirm || it.Ask) && b.mode != Replay && it.news && it.who.member.Email != ""
}

// ask keeps what a wave's people wish who are yet to confirm that they join, and
// notes whom a mail is to ask.
func (b *batch) ask(wave []*item) error {
	asking := slices.DeleteFunc(slices.Clone(wave), func(it *item) bool { return !it.asked })
	if len(asking) == 0 {
		return nil
	}
	known, err := b.askedBefore(asking)
	if err != nil {
		return err
	}
	mayMail, err := b.mayAsk(asking)
	if err != nil {
		return err
	}
	rows := make([][]any, len(asking))
	for i, it := range asking {
		j := known[it.who.id]
		if !j.ConfirmedAt.IsZero() || j.AskedAt.IsZero() {
			j = joining{MemberID: it.who.id, AskedAt: it.At}
		}
		key := it.who.member.EmailKey
		if mayMail[string(key)] {
			delete(mayMail, string(key)) // the next of this wave who has the address gets none
			j.MailedAt, it.mail = b.tx.At, true
		}
		if j.MailedAt.IsZero() {
			j.MailedAt = b.tx.At // another's mail to the address, within the day
		}
		j.EmailKey = key
		if it.moved {
			if j.Answers, err = b.withdraw(it, j.Answers); err != nil {
				return err
			}
		}
		if j.Answers, err = agreedNow(j.Answers, it, b.shop.Zone, b.tx.At); err != nil {
			return fmt.Errorf("what member %d agreed to: %w", it.who.id, err)
		}
		rows[i] = []any{j.MemberID, j.AskedAt, j.MailedAt, j.EmailKey, it.event, json.RawMessage(j.Answers)}
	}
	_, err = b.tx.Exec(`
		insert into joinings (member_id, asked_at, mailed_at, email_key, event_id, answers)
		select r.member_id, r.asked_at, r.mailed_at, r.email_key, r.event_id, r.answers
		from   `+b.tx.Values("member_id bigint", "asked_at timestamptz", "mailed_at timestamptz", "email_key bytea", "event_id bigint", "answers jsonb")+`
		where  true
		order  by r.member_id
		on conflict (member_id) do update
		set    asked_at = excluded.asked_at, mailed_at = excluded.mailed_at, email_key = excluded.email_key,
		       event_id = excluded.event_id, answers = excluded.answers, confirmed_at = null`, store.Args{"rows": store.Rows(rows)})
	if err != nil {
		return fmt.Errorf("keeping %d askings: %w", len(rows), err)
	}
	return nil
}

// mayAsk returns the addresses of those who ask that got no such mail for long
// enough, and notes that they get one now.
func (b *batch) mayAsk(asking []*item) (map[string]bool, error) {
	rows := make([][]any, len(asking))
	for i, it := range asking {
		rows[i] = []any{it.who.member.EmailKey}
	}
	args := store.Args{"rows": store.Rows(rows), "now": b.tx.At, "before": b.tx.At.Plus(-askAgain)}
	if _, err := b.tx.Exec("delete from questions where mailed_at <= @before", args); err != nil {
		return nil, fmt.Errorf("which addresses were asked: %w", err)
	}
	var keys [][]byte
	err := b.tx.All(&keys, `
		insert into questions (email_key, mailed_at)
		select distinct r.key, `+b.tx.Instant("@now")+`
		from   `+b.tx.Values("key bytea")+`
		where  true
		order  by 1
		on conflict (email_key) do nothing
		returning email_key`, args)
	if err != nil {
		return nil, fmt.Errorf("which addresses may be asked: %w", err)
	}
	may := map[string]bool{}
	for _, key := range keys {
		may[string(key)] = true
	}
	return may, nil
}

// withdraw has what a member agreed to wait for the new address to be confirmed.
// It is not their refusal, which would be of the address: the shop sends nothing
// until it knows.
func (b *batch) withdraw(it *item, waiting string) (string, error) {
	standing, err := consent.StandingOf(b.tx, it.who.id)
	if err != nil {
		return "", err
	}
	all := []agreed{}
	if waiting != "" {
		if err := json.Unmarshal([]byte(waiting), &all); err != nil {
			return "", fmt.Errorf("what member %d agreed to: %w", it.who.id, err)
		}
	}
	var answers []consent.Answer
	for _, s := range standing {
		if !s.Granted {
			continue
		}
		all = slices.DeleteFunc(all, func(old agreed) bool { return old.Topic == s.Topic })
		all = append(all, agreed{Topic: s.Topic, Source: "the address before", At: b.tx.At})
		answers = append(answers, consent.Answer{Member: it.who.id, Topic: s.Topic, Granted: false,
			How: consent.How{At: b.tx.At, Source: "address changed", OfMember: true, History: true}})
	}
	return store.JSON(all), consent.SetAll(b.tx, answers)
}

// askedBefore returns what is known of the askings of people, whose rows are locked.
func (b *batch) askedBefore(asking []*item) (map[int64]joining, error) {
	var rows []joining
	err := b.tx.All(&rows, `
		select member_id, event_id, asked_at, mailed_at, email_key, cast(answers as text) as answers, confirmed_at
		from   joinings
		where  member_id in (select value from `+b.tx.JSONEach("@members")+`)`,
		store.Args{"members": ids(asking, func(it *item) int64 { return it.who.id })})
	if err != nil {
		return nil, fmt.Errorf("who asked before: %w", err)
	}
	known := map[int64]joining{}
	for _, j := range rows {
		known[j.MemberID] = j
	}
	return known, nil
}

// agreedNow adds to what somebody agreed to before what they say on asking again.
func agreedNow(before string, it *item, zone *time.Location, now loyalty.Instant) (string, error) {
	all := []agreed{}
	if before != "" {
		if err := json.Unmarshal([]byte(before), &all); err != nil {
			return "", err
		}
	}
	for _, a := range said(it, zone) {
		all = slices.DeleteFunc(all, func(old agreed) bool { return old.Topic == a.Topic })
		if a.Granted {
			at := a.At
			if at.IsZero() {
				at = it.At
			}
			if it.moved { // its topics were withdrawn just now, with the old address
				at = later(at, now)
			}
			all = append(all, agreed{a.Topic, a.Source, a.Said, at})
		}
	}
	return store.JSON(all), nil
}

// waits reports whether an answer waits for its item's joining to be confirmed:
// a yes does, a no stands at once.
func (it *item) waits(a consent.Answer) bool { return it.asked && a.Granted }

package consent

import (
	"errors"
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/outbox"
	"regulars/internal/store"
)

// How says how an answer came about: the evidence that is kept with it.
type How struct {
	At     loyalty.Instant // when the person said so; zero: nobody knows, Heard is taken
	Heard  loyalty.Instant // when the shop told us; zero: now
	Source string          // checkout, import, unsubscribe page …
	Said   string          // the text that was agreed to
	IP     string
	Send   int64 // the mail whose link was used; 0: none

	OfMember bool // a refusal is the member's alone, not of their address
	History  bool // it is no news: no other system is told of it

	exact bool // At is to be kept even where it is later than now
}

// Answer is what a member said about a topic.
type Answer struct {
	Member  int64
	Topic   string
	Granted bool
	How
}

// ErrTopic says that there is no such topic.
var ErrTopic = errors.New("topics are offers, newsletter and program")

// Topics are all there are, in the order in which they are shown.
func Topics() []string { return []string{loyalty.Offers, loyalty.Newsletter, loyalty.Program} }

// Set records one answer; see SetAll.
func Set(tx *store.Tx, member int64, topic string, granted bool, how How) error {
	return SetAll(tx, []Answer{{member, topic, granted, how}})
}

// SetAll records answers and brings the standing ones up to date, in the facts
// too. The answer that was given last stands, in whatever order they arrive; of
// two at one moment the refusal. An answer from the future counts as given now,
// or no later one could overrule it.
//
// Recording the same answer again changes nothing. Neither does an answer
// without a time that only repeats what the same source said before. A yes
// without a time never stands over a refusal with one: a shop that writes "yes"
// on every order does not undo an unsubscription.
//
// A refusal with a time is of the address, too: it counts for everybody who has
// it, now (Spread) and later (Inherit).
func SetAll(tx *store.Tx, answers []Answer) error {
	for _, a := range answers {
		if !slices.Contains(Topics(), a.Topic) {
			return fmt.Errorf("%q: %w", a.Topic, ErrTopic)
		}
	}
	type one struct {
		member int64
		topic  string
	}
	wanted, err := outbox.Wants(tx, loyalty.ToldUnsubscribed)
	if err != nil {
		return err
	}
	for _, round := range rounds(answers, func(a Answer) one { return one{a.Member, a.Topic} }) {
		for _, part := range apart(round, wanted) {
			for chunk := range slices.Chunk(part, 1000) {
				if err := setChunk(tx, chunk, wanted && !part[0].History); err != nil {
					return fmt.Errorf("recording %d answers: %w", len(chunk), err)
				}
			}
		}
	}
	return nil
}

// apart splits answers into news and history, where somebody is told of the news.
func apart(answers []Answer, told bool) [][]Answer {
	news := func(a Answer) bool { return !a.History }
	if !told || !slices.ContainsFunc(answers, news) {
		return [][]Answer{answers}
	}
	return [][]Answer{slices.DeleteFunc(slices.Clone(answers), func(a Answer) bool { return !news(a) }), slices.DeleteFunc(slices.Clone(answers), news)}
}

// rounds splits items so that no key comes twice in one round, in their order.
func rounds[T any, K comparable](items []T, key func(T) K) (all [][]T) {
	seen := make(map[K]int, len(items))
	for _, item := range items {
		k := key(item)
		n := seen[k]
		seen[k] = n + 1
		if n == len(all) {
			all = append(all, nil)
		}
		all[n] = append(all[n], item)
	}
	return all
}

// asRow is an answer as a row of answerRows.
func asRow(a Answer, now loyalty.Instant) []any {
	at := a.At
	if at.IsZero() {
		at = a.Heard
	}
	if at.IsZero() || at.After(now.Time) && !a.exact {
		at = now
	}
	return []any{a.Member, a.Topic, a.Granted, !a.At.IsZero(), a.ofAddress(), at, a.Source, a.Said, a.IP, a.Send}
}

// ofAddress reports whether it is a refusal with a time, of the address.
func (a Answer) ofAddress() bool { return !a.At.IsZero() && !a.Granted && !a.OfMember }

// answerRows is the rows of @rows as a table r; timed says that the person's own time
// is known.
func answerRows(tx *store.Tx) string {
	return tx.Values("member_id bigint", "topic text", "granted boolean", "timed boolean", "of_address boolean",
		"at timestamptz", "source text", "said text", "ip text", "send bigint")
}

func setChunk(tx *store.Tx, answers []Answer, told bool) error {
	rows := make([][]any, len(answers))
	for i, a := range answers {
		rows[i] = asRow(a, tx.At)
	}
	args := store.Args{"rows": store.Rows(rows), "now": tx.At}
	if err := tx.HoldMembersOf("(select r.member_id from "+answerRows(tx)+")", args); err != nil {
		return err
	}
	if _, err := tx.Exec(`
		insert into consents (member_id, topic, granted, timed, at, source, said, ip, send_id, recorded_at)
		select r.member_id, r.topic, r.granted, r.timed, r.at, r.source, r.said, r.ip, nullif(r.send, 0), @now
		from   `+answerRows(tx)+`
		where  not exists (select 1 from consents c
		                   where  c.member_id = r.member_id and c.topic = r.topic and c.at = r.at
		                   and    c.source = r.source and c.granted = r.granted)
		and    (r.timed or r.granted is distinct from
		           (select c.granted from consents c
		            where  c.member_id = r.member_id and c.topic = r.topic and c.source = r.source and c.at <= r.at
		            order  by c.at desc, c.id desc limit 1))
		order  by r.member_id, r.topic`, args); err != nil {
		return err
	}
	if err := stand(tx, answerRows(tx), args, told); err != nil {
		return err
	}
	if slices.ContainsFunc(answers, Answer.anew) {
		if err := readmit(tx, args); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(answers, Answer.ofAddress) {
		return ofAddresses(tx, args, told)
	}
	return nil
}

// anew reports whether it is a yes with a time.
func (a Answer) anew() bool { return a.Granted && !a.At.IsZero() }

// readmit lets addresses get mail again whose owners had themselves erased and have said
// yes since then: nobody else can take that back. A yes without a time, or from before
// the erasure, is none.
func readmit(tx *store.Tx, args store.Args) error {
	var again []struct{ EmailKey []byte }
	err := tx.All(&again, `
		select distinct s.email_key
		from   `+answerRows(tx)+`
		join   members m      on m.id = r.member_id and m.erased_at is null
		join   suppressions s on s.email_key = m.email_key
		where  r.granted and r.timed and s.reason = '`+ErasedWish+`' and r.at > s.at`, args)
	if err != nil || len(again) == 0 {
		return err
	}
	var keys [][]byte
	for _, a := range again {
		keys = append(keys, a.EmailKey)
	}
	_, err = tx.Exec("delete from suppressions where reason = '"+ErasedWish+"' and email_key in (select r.email_key from "+tx.Values("email_key bytea")+")",
		store.Args{"rows": store.Column(keys)})
	return err
}

// unanswered is the condition that nobody refused with a time what c says yes to
// without one, or that a yes with a time came after.
const unanswered = `(c.timed or not c.granted or not exists (
		           select 1 from consents x
		           where  x.member_id = c.member_id and x.topic = c.topic and x.timed and not x.granted
		           and    not exists (select 1 from consents y
		                              where y.member_id = c.member_id and y.topic = c.topic and y.timed and y.granted and y.at > x.at)))`

// stand makes the newest answer of the members and topics of r the standing one,
// and the facts to agree with it. The members are locked. told: who thereby gets a topic
// no longer is news for other systems.
func stand(tx *store.Tx, r string, args store.Args, told bool) error {
	var had []granted
	if told {
		if err := tx.All(&had, grantedOf(r), args); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`
		insert into member_topics (member_id, topic, granted, changed_at)
		select member_id, topic, granted, at
		from  (select c.member_id, c.topic, c.granted, c.at,
		              row_number() over (partition by c.member_id, c.topic order by c.at desc, c.granted) as n
		       from   consents c join `+r+` on r.member_id = c.member_id and r.topic = c.topic
		       where  `+unanswered+`) newest
		where  n = 1
		order  by member_id, topic
		on conflict (member_id, topic) do update
		set    granted = excluded.granted, changed_at = excluded.changed_at
		where  excluded.changed_at <> member_topics.changed_at or excluded.granted <> member_topics.granted`, args); err != nil {
		return err
	}
	if err := tellOfEnds(tx, had); err != nil {
		return err
	}
	_, err := tx.Exec(`
		update facts
		set    consent_offers = s.offers, consent_newsletter = s.newsletter, consent_program = s.program
		from  (select t.member_id,
		              count(*) filter (where t.topic = 'offers'     and t.granted) > 0 as offers,
		              count(*) filter (where t.topic = 'newsletter' and t.granted) > 0 as newsletter,
		              count(*) filter (where t.topic = 'program'    and t.granted) > 0 as program
		       from   member_topics t
		       where  t.member_id in (select r.member_id from `+r+`)
		       group  by t.member_id) s
		where  facts.member_id = s.member_id
		and   (facts.consent_offers     is distinct from s.offers
		or     facts.consent_newsletter is distinct from s.newsletter
		or     facts.consent_program    is distinct from s.program)`, args)
	return err
}

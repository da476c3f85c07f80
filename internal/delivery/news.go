package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/address"
	"regulars/internal/consent"
	"regulars/internal/delivery/compose"
	"regulars/internal/loyalty"
	"regulars/internal/mailnews"
	"regulars/internal/store"
)

// ErrEarly says that news is of a mail whose hand-over is not written down yet: it is
// to be told again in a moment. All others of its batch are taken in.
var ErrEarly = errors.New("the mail that this is about is just being handed over: tell us again in a minute")

// early is how long after its event news may wait for that.
const early = 15 * time.Minute

// ErrReplayed says that the token which was signed for news has come with other news
// before.
var ErrReplayed = errors.New("its signature was made for another event")

// within is how far back a mail is looked for of which only the address is told.
const within = 7 * 24 * time.Hour

// newsAtOnce is how much news one transaction takes.
const newsAtOnce = 200

// Heard is what became of one piece of news.
type Heard struct {
	ID     string
	Again  bool   // it was known
	Effect string // in words, without anybody's address
	Err    error  // ErrEarly or ErrReplayed: not taken in
}

// Learn takes in what is told of mails that went out, each piece once, and returns
// what it did, in its order. A mail is known by a mark of ours that the news shows, or
// else by its recipient, if whoever tells is to be believed: then the address is
// suppressed, and the send is touched only where it can be no other.
func (d *Sender) Learn(ctx context.Context, news []mailnews.News) ([]Heard, error) {
	var all []Heard
	for part := range slices.Chunk(news, newsAtOnce) {
		var heard []Heard
		err := d.c.DB.Update(ctx, func(tx *store.Tx) (err error) {
			heard, err = d.learn(tx, part)
			return err
		})
		if err != nil {
			return all, err
		}
		all = append(all, heard...)
	}
	return all, nil
}

// Ours reports an address that mails of ours carry: one that bounces come to, or that
// unsubscribes.
func (d *Sender) Ours(to string) bool {
	if _, bounces := compose.Marked(d.secrets, to); bounces {
		return true
	}
	_, optsOut := compose.OptsOut(d.secrets, to)
	return optsOut
}

// told is a piece of news with the send that it is about.
type told struct {
	mailnews.News
	at      int // its place
	key     []byte
	members []int64 // with its address
	send    *send   // nil: none can be told
	sure    bool    // the send is the one, rather than the last to its address
	effect  string
}

func (d *Sender) learn(tx *store.Tx, news []mailnews.News) ([]Heard, error) {
	heard := make([]Heard, len(news))
	fresh, err := d.fresh(tx, news, heard)
	if err != nil || len(fresh) == 0 {
		return heard, err
	}
	if err := d.find(tx, fresh); err != nil {
		return nil, err
	}
	var ready []*told
	for _, t := range fresh {
		if t.send != nil && t.sure && underWay(t.send) && tx.At.Sub(t.At) < early {
			heard[t.at].Err = ErrEarly
			continue
		}
		ready = append(ready, t)
	}
	if err := d.follow(tx, ready); err != nil {
		return nil, err
	}
	for _, t := range ready {
		heard[t.at].Effect = t.effect
	}
	return heard, note(tx, fresh, ready)
}

// fresh writes down which news is new, and returns that. What somebody else is taking
// in is waited for.
func (d *Sender) fresh(tx *store.Tx, news []mailnews.News, heard []Heard) ([]*told, error) {
	stolen, err := replayed(tx, news)
	if err != nil {
		return nil, err
	}
	var rows [][]any
	for i, n := range news {
		if stolen[n.Token] {
			heard[i] = Heard{ID: n.ID, Err: ErrReplayed}
			continue
		}
		heard[i] = Heard{ID: n.ID, Again: true, Effect: "known"}
		rows = append(rows, []any{n.Source, n.ID, string(n.What)})
	}
	if len(rows) == 0 {
		return nil, nil
	}
	var added []struct{ Source, ID string }
	err = tx.All(&added, `
		insert into mail_news (source, id, what, heard_at)
		select r.source, r.id, min(r.what), `+tx.Instant("@now")+`
		from   `+tx.Values("source text", "id text", "what text")+`
		where  true
		group  by r.source, r.id
		order  by r.source, r.id
		on conflict (source, id) do nothing
		returning source, id`, store.Args{"rows": store.Rows(rows), "now": tx.At})
	if err != nil {
		return nil, fmt.Errorf("writing %d pieces of news down: %w", len(news), err)
	}
	open := map[[2]string]bool{}
	for _, a := range added {
		open[[2]string{a.Source, a.ID}] = true
	}
	var fresh []*told
	for i, n := range news {
		if id := [2]string{n.Source, n.ID}; open[id] && heard[i].Err == nil {
			delete(open, id) // twice in a batch is once
			heard[i] = Heard{ID: n.ID}
			fresh = append(fresh, &told{News: n, at: i})
		}
	}
	return fresh, nil
}

// tokens is what stands for the source in the rows of tokens: their id is the token,
// their effect the event that it came with.
const tokens = " token"

// replayed writes tokens down with the news that they come with first, and returns
// those that came with other news before.
func replayed(tx *store.Tx, news []mailnews.News) (map[string]bool, error) {
	var rows [][]any
	for _, n := range news {
		if n.Token != "" {
			rows = append(rows, []any{n.Source + tokens, n.Token, n.ID})
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	args := store.Args{"rows": store.Rows(rows), "now": tx.At}
	given := tx.Values("source text", "id text", "event text")
	_, err := tx.Exec(`
		insert into mail_news (source, id, what, heard_at, effect)
		select r.source, r.id, 'token', `+tx.Instant("@now")+`, min(r.event)
		from   `+given+`
		where  true
		group  by r.source, r.id
		order  by r.source, r.id
		on conflict (source, id) do nothing`, args)
	if err != nil {
		return nil, fmt.Errorf("writing the tokens of news down: %w", err)
	}
	var used []string
	err = tx.All(&used, "select r.id from "+given+" join mail_news n on n.source = r.source and n.id = r.id where n.effect <> r.event", args)
	if err != nil {
		return nil, fmt.Errorf("looking for the tokens of news: %w", err)
	}
	found := map[string]bool{}
	for _, token := range used {
		found[token] = true
	}
	return found, nil
}

// find looks for the sends that news is about, and locks them.
func (d *Sender) find(tx *store.Tx, fresh []*told) error {
	ids := map[*told]int64{}
	for _, t := range fresh {
		for _, m := range t.Marks {
			id, ours := compose.Marked(d.secrets, m)
			if !ours && t.What == mailnews.OptedOut {
				id, ours = compose.OptsOut(d.secrets, m)
			}
			if ours {
				ids[t], t.sure = id, true
				break
			}
		}
	}
	if err := d.findAddresses(tx, fresh, ids); err != nil {
		return err
	}
	var all []int64
	for _, id := range ids {
		all = append(all, id)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) == 0 {
		return nil
	}
	var locked []int64
	err := tx.All(&locked, "select id from sends where id in "+tx.In("@ids")+" order by id "+tx.ForUpdate(), store.Args{"ids": store.JSON(all)})
	if err != nil {
		return fmt.Errorf("locking %d sends: %w", len(all), err)
	}
	sends, err := load(tx, locked)
	if err != nil {
		return err
	}
	went, err := wentTo(tx, locked)
	if err != nil {
		return err
	}
	for _, t := range fresh {
		for _, s := range sends {
			if s.Send == ids[t] {
				t.send = s
				if key := went[s.Send]; len(key) > 0 {
					s.EmailKey, t.key = key, key
				}
			}
		}
	}
	return nil
}

// findAddresses looks for the members of the addresses that are told, and for their
// mails of late where no mark says which one it was.
func (d *Sender) findAddresses(tx *store.Tx, fresh []*told, ids map[*told]int64) error {
	pepper, err := consent.Pepper(tx)
	if err != nil {
		return err
	}
	for _, t := range fresh {
		if t.Address == "" || ids[t] != 0 {
			continue
		}
		_, folded, err := address.Read(t.Address)
		if err != nil {
			continue
		}
		t.key = consent.Key(pepper, folded)
		var sends []struct{ ID, Member int64 }
		err = tx.All(&sends, `
			select s.id, s.member_id as member
			from   members m join sends s on s.member_id = m.id
			where  m.email_key = @key and s.email_key = m.email_key and s.handed_at >= @since
			and    s.state in ('claimed', 'handing', 'sent', 'unknown', 'bounced', 'complained')
			order  by s.handed_at desc, s.id desc
			limit  2`, store.Args{"key": t.key, "since": loyalty.At(tx.At.Add(-within))})
		if err == nil {
			err = tx.All(&t.members, "select id from members where email_key = @key order by id limit 20", store.Args{"key": t.key})
		}
		if err != nil {
			return fmt.Errorf("looking for a mail by its address: %w", err)
		}
		if len(sends) > 0 {
			ids[t], t.sure = sends[0].ID, len(sends) == 1
		}
	}
	return nil
}

// wentTo returns to which address sends went, by its key.
func wentTo(tx *store.Tx, ids []int64) (map[int64][]byte, error) {
	var rows []struct {
		ID  int64
		Key []byte
	}
	err := tx.All(&rows, "select id, email_key as key from sends where id in "+tx.In("@ids"), store.Args{"ids": store.JSON(ids)})
	keys := map[int64][]byte{}
	for _, r := range rows {
		keys[r.ID] = r.Key
	}
	return keys, err
}

// underWay reports a send whose outcome is still to be recorded.
func underWay(s *send) bool {
	return s.state == claimed || s.state == handing || s.state == queued && s.Run != 0
}

// follow does what news brings with it: the states of sends and what hangs on them,
// suppressions, full mailboxes, and consent.
func (d *Sender) follow(tx *store.Tx, all []*told) error {
	var ids []int64
	for _, t := range all {
		if t.send != nil {
			ids = append(ids, t.send.Send)
		}
	}
	waits, err := areDue(tx, ids)
	if err != nil {
		return err
	}
	for _, t := range all { // one after the other: two may be of one send
		if err := d.one(tx, t, waits); err != nil {
			return err
		}
	}
	return nil
}

func (d *Sender) one(tx *store.Tx, t *told, waits map[int64]bool) error {
	v := Outcome{Stage: StageRcpt, Code: 550, Enhanced: t.Status}.Verdict()
	gone := v.Suppress || t.Gone && !v.Soft && !v.Policy && (t.Status == "" || t.Status[1:] == ".0.0" && t.Status[0] != '4')
	if err := d.move(tx, t, v, gone, waits); err != nil {
		return err
	}
	switch {
	case t.What == mailnews.OptedOut:
		return optOut(tx, t)
	case len(t.key) == 0:
		return nil
	case t.What == mailnews.Delivered:
		return emptied(tx, t.key)
	case t.What == mailnews.Complained:
		t.say("the address gets nothing any more")
		return consent.Suppress(tx, t.key, consent.Complaint, t.Source)
	case t.What == mailnews.Bounced && gone:
		t.say("the address gets nothing any more")
		return consent.Suppress(tx, t.key, consent.HardBounce, t.Source)
	case t.What == mailnews.Bounced && v.Soft:
		out, err := full(tx, t.key, t.id(), t.Source)
		if out {
			t.say("so often that the address gets nothing any more")
		}
		return err
	}
	return nil
}

// move brings the send to the state that news brings it to, with all that hangs on it.
func (d *Sender) move(tx *store.Tx, t *told, v Verdict, gone bool, waits map[int64]bool) error {
	s := t.send
	switch {
	case t.What == mailnews.Nothing:
		t.say(t.Word + " is noted")
		return nil
	case s == nil:
		t.say("none of our mails is known by it")
		return nil
	case !t.sure:
		t.say("which of several mails it was nobody says")
		return nil
	}
	e, goes := next(t, v, gone)
	if !goes {
		t.say(fmt.Sprintf("send %d stays %s", s.Send, s.state))
		return nil
	}
	if s.state != unknown || !waits[s.Send] {
		s.reason = resent // its passage has long gone on
	}
	effective, err := record(tx, laneOf(s.Class), ofNews, []result{e})
	if err != nil {
		return err
	}
	if len(effective) == 0 {
		t.say(fmt.Sprintf("send %d was just claimed", s.Send))
		return nil
	}
	t.say(fmt.Sprintf("send %d was %s and is %s", s.Send, s.state, e.state))
	s.state, waits[s.Send] = e.state, false
	return d.brakes.apply(tx, effective)
}

// next is where news brings a send: sent, bounced and complained follow each other in
// this order, whatever the order of the news.
func next(t *told, v Verdict, gone bool) (e result, goes bool) {
	e = result{s: t.send, words: t.Words}
	switch was := t.send.state; {
	case t.What == mailnews.Delivered && was == unknown:
		e.state, e.reason = sent, confirmed
	case t.What == mailnews.Bounced && (was == sent || was == unknown):
		e.state, e.reason, e.suppress, e.policy = bounced, cameBack, gone, v.Policy
		if gone {
			v.Suppress = true
		}
		if why := whyFailed(v); why != refused {
			e.reason = why
		}
		said := strings.TrimSpace(strings.TrimPrefix(t.Words, "smtp;")) // as reports write it (RFC 3464, 2.3.6)
		if code, rest, ok := strings.Cut(said, " "); ok && len(code) == 3 {
			if n, err := strconv.Atoi(code); err == nil {
				e.code, e.words = n, rest
			}
		}
	case t.What == mailnews.Complained && (was == sent || was == unknown || was == bounced):
		e.state, e.reason = complained, asSpam
	default:
		return e, false
	}
	return e, true
}

// optOut ends the topic of the mail for its member, or all for whoever has the address.
func optOut(tx *store.Tx, t *told) error {
	how := consent.How{Source: "unsubscribed at " + t.Source}
	if t.send != nil && t.sure {
		t.say("its member is unsubscribed")
		_, err := consent.Unsubscribe(tx, consent.ClaimsOf(t.send.Member, t.send.Send, t.key), how)
		return notGone(err)
	}
	for _, m := range t.members {
		t.say("whoever has the address is unsubscribed")
		if _, err := consent.Unsubscribe(tx, consent.Claims{Member: m}, how); notGone(err) != nil {
			return err
		}
	}
	if len(t.members) > 0 || len(t.key) == 0 {
		return nil
	}
	t.say("whoever gets this address is unsubscribed")
	return consent.RefuseAddress(tx, t.key, []string{loyalty.Offers, loyalty.Newsletter, loyalty.Program}, how.Source)
}

// notGone takes an erased member for one who gets nothing anyhow.
func notGone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func (t *told) id() int64 {
	if t.send == nil {
		return 0
	}
	return t.send.Send
}

func (t *told) say(words string) {
	if t.effect != "" {
		t.effect += "; "
	}
	t.effect += words
}

// note writes beside news what it did, and forgets what is to be told again.
func note(tx *store.Tx, fresh, ready []*told) error {
	var rows, gone [][]any
	for _, t := range fresh {
		if slices.Contains(ready, t) {
			rows = append(rows, []any{t.Source, t.ID, t.id(), t.effect})
		} else {
			gone = append(gone, []any{t.Source, t.ID})
		}
	}
	if len(gone) > 0 {
		_, err := tx.Exec(`
			delete from mail_news where exists (select 1 from `+tx.Values("source text", "id text")+`
			                                    where r.source = mail_news.source and r.id = mail_news.id)`, store.Args{"rows": store.Rows(gone)})
		if err != nil {
			return fmt.Errorf("forgetting news: %w", err)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.Exec(`
		update mail_news
		set    send_id = nullif(r.send_id, 0), effect = r.effect
		from   `+tx.Values("source text", "id text", "send_id bigint", "effect text")+`
		where  mail_news.source = r.source and mail_news.id = r.id`, store.Args{"rows": store.Rows(rows)})
	if err != nil {
		return fmt.Errorf("noting what news did: %w", err)
	}
	return nil
}

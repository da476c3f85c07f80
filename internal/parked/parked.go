// Package parked takes in what the shop's own systems post, and keeps what of it
// cannot be taken in: a delivery that was signed and is not understood, or that asks a
// person for something, waits here with the reason.
//
// It promises that nothing is dropped in silence: a delivery is taken in, ignored with
// a reason that stands in its source's table, or parked; where there is no more room it
// is an error, and the sender tries again. A delivery is parked once. Replayed, it is
// read by its source as of when it was received.
//
// Bodies are personal data: they are shown to who asks for one by its number, and
// engine/retention.go throws them away after 30 days. Signatures are not kept.
package parked

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/person"
	"regulars/internal/store"
	"regulars/internal/webhook"
)

// What may wait at once.
const (
	Most      = 5000
	mostBytes = 256 << 20
)

// ErrFull says that too much waits already.
var ErrFull = errors.New("too many deliveries wait for a person: `regulars hooks list` shows them")

// States of a delivery.
const (
	Waiting = "parked"
	Stored  = "stored"  // a replay took it in
	Ignored = "ignored" // a replay found that it is of no matter
	Done    = "done"    // a person has dealt with it
)

// Hook is a delivery that was parked.
type Hook struct {
	ID         int64           `json:"id"`
	Source     string          `json:"source"`
	Topic      string          `json:"topic"`
	ExternalID string          `json:"delivery"`
	State      string          `json:"state"`
	Reason     string          `json:"reason"`
	ReceivedAt loyalty.Instant `json:"received_at"`
	ReplayedAt loyalty.Instant `json:"replayed_at,omitzero"`
	Headers    string          `json:"-"`
	Body       []byte          `json:"-"`
}

// Outcome is what became of a delivery.
type Outcome struct {
	Events     []loyalty.Event // that could be read
	Results    []intake.Result // of each of them
	Unreadable []webhook.FieldError

	Erased  bool   // somebody was, as it asked
	Ignored string // why it is of no matter
	Reason  string // why it is to be parked
}

// Take has a source read a delivery and intake take it in, or erases whom it names. The error says that the
// body is not the source's, or that nothing could be stored now.
func Take(ctx context.Context, db *store.DB, in *intake.Intake, source webhook.Source, d webhook.Delivery) (out Outcome, err error) {
	o := webhook.Options{Source: intake.OwnSource, Via: source.Name}
	if o.Currency, err = in.Currency(ctx); err != nil {
		return out, err
	}
	for {
		out = Outcome{}
		var ignored webhook.Ignored
		var parked webhook.Parked
		var forget webhook.Forget
		out.Events, out.Unreadable, err = source.Decode(d, o)
		switch {
		case errors.As(err, &ignored):
			return Outcome{Ignored: ignored.Why}, nil
		case errors.As(err, &parked):
			return Outcome{Reason: parked.Reason}, nil
		case errors.As(err, &forget):
			return erase(ctx, db, source, forget)
		case err != nil:
			return out, &BodyError{err}
		}
		if len(out.Events) > 0 {
			out.Results, err = in.Deliver(ctx, o.Currency, out.Events)
		} else {
			err = in.IsCurrency(ctx, o.Currency)
		}
		var changed *intake.CurrencyError
		if errors.As(err, &changed) {
			o.Currency = changed.Now
			continue
		}
		out.judge()
		return out, err
	}
}

// erase takes away what is known of a customer. Nobody is found by a number alone that is
// also the shop's own id of somebody: it may be another's.
func erase(ctx context.Context, db *store.DB, source webhook.Source, who webhook.Forget) (out Outcome, err error) {
	err = db.Update(ctx, func(tx *store.Tx) error {
		member, err := person.Find(tx, source.Name, who.ID, who.Email)
		if err != nil {
			return err
		}
		_, err = person.Erase(tx, member, source.Name)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound) && who.Email == "":
		out.Reason = "nobody is known by this id, and the body has no address: if somebody is meant all the same, regulars member erase"
	case errors.Is(err, store.ErrNotFound):
		out.Ignored = "nothing is known of whom it asks to erase"
	case err != nil:
		return out, fmt.Errorf("erasing whom %s names: %w", source.Name, err)
	default:
		out.Erased = true
	}
	return out, nil
}

// BodyError says that a body is not the source's.
type BodyError struct{ Err error }

// Error says what is wrong with the body.
func (e *BodyError) Error() string { return e.Err.Error() }

// judge parks what was refused: the sender cannot mend it, and would stop to send.
func (out *Outcome) judge() {
	var reasons []string
	for _, u := range out.Unreadable {
		reasons = append(reasons, u.Error())
	}
	for _, r := range out.Results {
		if r.State == intake.Refused {
			reasons = append(reasons, strings.TrimPrefix(r.Field+": "+r.Reason, ": "))
		}
	}
	out.Reason = strings.Join(reasons, "; ")
}

// Park keeps a delivery. A second one of the same changes nothing.
func Park(ctx context.Context, db *store.DB, source webhook.Source, d webhook.Delivery, reason string) error {
	topic, id := source.Names(d)
	headers := http.Header{}
	for _, name := range source.Keeps {
		if v := d.Header.Get(name); v != "" {
			headers.Set(name, cut(v))
		}
	}
	return db.Update(ctx, func(tx *store.Tx) error {
		var there struct{ N, Bytes int64 }
		err := tx.One(&there, "select count(*) as n, coalesce(sum(length(body)), 0) as bytes from hooks where state = 'parked'", nil)
		switch {
		case err != nil:
			return fmt.Errorf("counting what is parked: %w", err)
		case there.N >= Most || there.Bytes+int64(len(d.Body)) > mostBytes:
			return ErrFull
		}
		_, err = tx.Exec(`
			insert into hooks (source, external_id, topic, received_at, state, reason, headers, body)
			values (@source, @id, @topic, @at, 'parked', @reason, @headers, @body)
			on conflict (source, external_id) do nothing`, store.Args{
			"source": source.Name, "id": cut(id), "topic": cut(topic), "at": tx.At, "reason": cut(reason), "headers": store.JSON(headers), "body": d.Body})
		if err != nil {
			return fmt.Errorf("parking a delivery of %s: %w", source.Name, err)
		}
		return nil
	})
}

// cut bounds what a sender writes beside the body, and leaves out what no text has.
func cut(s string) string {
	const most = 500
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

const columns = "select id, source, topic, external_id, state, reason, received_at, replayed_at, headers"

// List returns what was parked, the latest first, without bodies: what waits, or all.
func List(tx *store.Tx, all bool, most int) ([]Hook, error) {
	list := []Hook{}
	err := tx.All(&list, columns+" from hooks where state = 'parked' or @all order by id desc limit @most", store.Args{"all": all, "most": most})
	return list, err
}

// Show returns one delivery with its body: store.ErrNotFound when there is none.
func Show(tx *store.Tx, id int64) (h Hook, err error) {
	err = tx.One(&h, columns+", body from hooks where id = @id", store.Args{"id": id})
	return h, err
}

// Replay reads a delivery again as of when it was received, and says what became of it.
func Replay(ctx context.Context, db *store.DB, in *intake.Intake, id int64) (h Hook, err error) {
	if err = db.View(ctx, func(tx *store.Tx) error { h, err = Show(tx, id); return err }); err != nil {
		return h, err
	}
	source, known := webhook.Named(h.Source)
	if !known || source.Names == nil {
		return h, fmt.Errorf("delivery %d is of %s, which this version does not read", id, h.Source)
	}
	d := webhook.Delivery{Header: http.Header{}, Body: h.Body, At: h.ReceivedAt.Time}
	if err := json.Unmarshal([]byte(h.Headers), &d.Header); err != nil {
		return h, fmt.Errorf("the headers of delivery %d: %w", id, err)
	}
	out, err := Take(ctx, db, in, source, d)
	var body *BodyError
	switch {
	case errors.As(err, &body):
		out.Reason = body.Error()
	case err != nil:
		return h, err
	}
	h.State, h.Reason = Stored, ""
	switch {
	case out.Erased:
		h.State = Done
	case out.Ignored != "":
		h.State, h.Reason = Ignored, out.Ignored
	case out.Reason != "":
		h.State, h.Reason = Waiting, cut(out.Reason)
	}
	return h, settle(ctx, db, &h)
}

// Settle notes that a person has dealt with a delivery.
func Settle(ctx context.Context, db *store.DB, id int64) (h Hook, err error) {
	if err = db.View(ctx, func(tx *store.Tx) error { h, err = Show(tx, id); return err }); err != nil {
		return h, err
	}
	h.State = Done
	return h, settle(ctx, db, &h)
}

func settle(ctx context.Context, db *store.DB, h *Hook) error {
	return db.Update(ctx, func(tx *store.Tx) error {
		h.ReplayedAt = tx.At
		_, err := tx.Exec("update hooks set state = @state, reason = @reason, replayed_at = @at where id = @id",
			store.Args{"state": h.State, "reason": h.Reason, "at": tx.At, "id": h.ID})
		return err
	})
}

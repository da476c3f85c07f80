package public

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/points"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/internal/webhook"
)

// claimAnswer is what a till is told of a claim.
type claimAnswer struct {
	ID         int64           `json:"id"`
	State      string          `json:"state"` // held, done, released or reversed
	Reward     string          `json:"reward"`
	Price      int64           `json:"price"` // in points
	Code       string          `json:"code,omitempty"`
	ValidUntil string          `json:"valid_until,omitempty"` // the code's last day
	Worth      int64           `json:"worth_minor,omitempty"` // money off at the till
	HeldUntil  loyalty.Instant `json:"held_until,omitzero"`
	Balance    int64           `json:"balance"`         // that can be spent now
	Again      bool            `json:"again,omitempty"` // it was so before
}

// apiClaim gives a member a reward for points: 201, 200 when the same was asked before
// with the key, 409 with the reason when it is not to be had.
func (s *server) apiClaim(w http.ResponseWriter, r *http.Request, c caller) error {
	body, err := readObject(r, "member", "key", "order", "order_ref", "total", "steps", "hold")
	if err != nil {
		return err
	}
	ask := points.Ask{Reward: r.PathValue("name"), Source: c.name, By: "api: " + c.name, Due: -1}
	var member, reference, total, steps, hold string
	for name, into := range map[string]*string{"member": &member, "key": &ask.Key, "order": &ask.Order, "order_ref": &reference, "total": &total, "steps": &steps, "hold": &hold} {
		if *into, err = body.text(name); err != nil {
			return err
		}
	}
	if reference != "" && ask.Order != "" && reference != ask.Order {
		return wrongField("order_ref", "order says %q: give the order's name once", ask.Order)
	}
	ask.Order = cmp.Or(ask.Order, reference)
	ask.Key = cmp.Or(r.Header.Get("Idempotency-Key"), ask.Key)
	switch {
	case member == "":
		return wrongField("member", "say whose points they are: member is the shop's id")
	case ask.Key == "":
		return wrongField("key", "give a key of your own, so that asking again claims nothing twice")
	case len(ask.Key) > 200:
		return wrongField("key", "the key is longer than 200 characters")
	case len(ask.Order) > 200:
		return wrongField("order", "the order's name is longer than 200 characters")
	}
	if steps != "" {
		if ask.Steps, err = strconv.ParseInt(steps, 10, 64); err != nil || ask.Steps < 1 {
			return wrongField("steps", "%q is not a whole number from 1", steps)
		}
	}
	if ask.Hold, err = strconv.ParseBool(cmp.Or(hold, "false")); err != nil {
		return wrongField("hold", "%q is not true or false", hold)
	}
	return s.claimAnswered(w, r, func(tx *store.Tx) (points.Claim, error) {
		if ask.Member, err = memberNamed(tx, member); err != nil {
			return points.Claim{}, err
		}
		if total != "" {
			currency, err := marketing.Currency(tx)
			if err != nil {
				return points.Claim{}, err
			}
			if ask.Due, err = loyalty.ParseMoney(total, currency); err != nil || ask.Due < 0 || ask.Due > loyalty.Most {
				return points.Claim{}, wrongField("total", "%q is not an amount like 25.00", total)
			}
		}
		return marketing.New(s.DB).Claim(tx, ask)
	})
}

// apiEndClaim confirms, releases or reverses a claim. Doing it again answers the same.
func (s *server) apiEndClaim(w http.ResponseWriter, r *http.Request, c caller) error {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return refuse(http.StatusNotFound, "there is no claim %q", r.PathValue("id"))
	}
	how := r.PathValue("how")
	fields := []string{}
	if how == "reverse" {
		fields = []string{"force", "reason"}
	}
	body, err := readObject(r, fields...)
	if err != nil {
		return err
	}
	force, err := body.text("force")
	if err != nil {
		return err
	}
	reason, err := body.text("reason")
	if err != nil {
		return err
	}
	forced, err := strconv.ParseBool(cmp.Or(force, "false"))
	if err != nil {
		return wrongField("force", "%q is not true or false", force)
	}
	return s.claimAnswered(w, r, func(tx *store.Tx) (points.Claim, error) {
		m := marketing.New(s.DB)
		switch how {
		case "confirm":
			return m.ConfirmClaim(tx, id)
		case "release":
			return m.ReleaseClaim(tx, id)
		case "reverse":
			return m.ReverseClaim(tx, id, forced, reason, "api: "+c.name)
		}
		return points.Claim{}, refuse(http.StatusNotFound, "a claim can be confirmed, released or reversed, not %q", how)
	})
}

// claimAnswered runs f and answers with how the claim stands then.
func (s *server) claimAnswered(w http.ResponseWriter, r *http.Request, f func(*store.Tx) (points.Claim, error)) error {
	var answer claimAnswer
	status := http.StatusOK
	err := s.DB.Update(r.Context(), func(tx *store.Tx) error {
		c, err := f(tx)
		if err != nil {
			return refusedReward(err)
		}
		if status = http.StatusOK; !c.Again && r.PathValue("how") == "" {
			status = http.StatusCreated
		}
		answer, err = s.claimOf(tx, c)
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, status, answer)
}

func (s *server) claimOf(tx *store.Tx, c points.Claim) (a claimAnswer, err error) {
	a = claimAnswer{ID: c.ID, State: c.State, Reward: c.Reward, Price: c.Price, Worth: c.Worth, HeldUntil: c.HeldUntil, Again: c.Again}
	if c.CodeID != 0 && c.State == points.Done {
		codes, err := coupon.Load(tx, []int64{c.CodeID})
		if err != nil {
			return a, err
		}
		if code, ok := codes[c.CodeID]; ok {
			a.Code = code.Code
			if code.ValidUntil != 0 {
				a.ValidUntil = code.ValidUntil.String()
			}
		}
	}
	return a, intake.WithPoints(tx, func(r *points.Rules) (_ []int64, err error) {
		a.Balance, err = r.Balance(tx, c.MemberID)
		return nil, err
	})
}

// stampsAnswer is what a till is told of the stamps that it gave or took back.
type stampsAnswer struct {
	points.CardLine
	Missing int64       `json:"missing"` // stamps, until it is full
	Booked  int64       `json:"booked"`  // below 0: taken back, as many as were there
	Codes   []givenCode `json:"codes"`   // that the card gave for them, being full
	Words   string      `json:"words"`   // the same for the person at the till
	Again   bool        `json:"again,omitempty"`
}

// givenCode is a code as the member has it from now on.
type givenCode struct {
	Code       string `json:"code"`
	ValidUntil string `json:"valid_until,omitempty"`
}

// apiStamps gives a member stamps on a card, or takes back what is there: 201, 200 when
// the same was asked before with the key.
func (s *server) apiStamps(w http.ResponseWriter, r *http.Request, c caller) error {
	body, err := readObject(r, "member", "n", "key", "reason")
	if err != nil {
		return err
	}
	hand := points.Hand{By: "api: " + c.name}
	var member, n string
	for name, into := range map[string]*string{"member": &member, "n": &n, "key": &hand.Key, "reason": &hand.Because} {
		if *into, err = body.text(name); err != nil {
			return err
		}
	}
	hand.Key = cmp.Or(r.Header.Get("Idempotency-Key"), hand.Key)
	switch {
	case member == "":
		return wrongField("member", "say whose card it is: member is the shop's id")
	case hand.Key == "":
		return wrongField("key", "give a key of your own, so that asking again stamps nothing twice")
	case len(hand.Key) > 200:
		return wrongField("key", "the key is longer than 200 characters")
	}
	if hand.N, err = strconv.ParseInt(cmp.Or(n, "1"), 10, 64); err != nil {
		return wrongField("n", "%q is not a whole number of stamps", n)
	}
	hand.Key = c.name + ":" + hand.Key
	var stamped points.Stamped
	err = s.DB.Update(r.Context(), func(tx *store.Tx) error {
		if hand.Member, err = memberNamed(tx, member); err != nil {
			return err
		}
		stamped, err = marketing.New(s.DB).Stamp(tx, r.PathValue("card"), hand)
		return refusedReward(err)
	})
	if err != nil {
		return err
	}
	answer := stampsAnswer{CardLine: stamped.CardLine, Missing: max(0, stamped.Of-stamped.Stamps), Booked: stamped.Booked, Codes: []givenCode{}, Words: stamped.Words(), Again: stamped.Again}
	for _, code := range stamped.Codes {
		until := ""
		if code.ValidUntil != 0 {
			until = code.ValidUntil.String()
		}
		answer.Codes = append(answer.Codes, givenCode{code.Code, until})
	}
	status := http.StatusCreated
	if stamped.Again {
		status = http.StatusOK
	}
	return writeJSON(w, status, answer)
}

// refusedReward says why a reward is not to be had.
func refusedReward(err error) error {
	var no *points.Refused
	var wrong *points.Wrong
	switch {
	case errors.As(err, &no) && no.Reason == points.NoReward:
		return &refusal{status: http.StatusNotFound, words: no.Words, reason: no.Reason}
	case errors.As(err, &no):
		return &refusal{status: http.StatusConflict, words: no.Words, reason: no.Reason}
	case errors.As(err, &wrong):
		return wrongField(wrong.Field, "%s", wrong.Words)
	case errors.Is(err, points.ErrKey):
		return wrongField("key", "the key was used for something else: give each claim and booking a key of its own")
	case errors.Is(err, points.ErrNone), errors.Is(err, store.ErrNotFound):
		return refuse(http.StatusNotFound, "%v", err)
	}
	return err
}

// apiQuote says what an order would earn a member, and which rewards it could be paid
// with. Nothing is written.
func (s *server) apiQuote(w http.ResponseWriter, r *http.Request, _ caller) error {
	body, err := readObject(r, "member", "total", "discount", "tax", "shipping", "quantity", "shop", "lines")
	if err != nil {
		return err
	}
	name, err := body.text("member")
	if err != nil {
		return err
	}
	if name == "" {
		return wrongField("member", "say for whom: member is the shop's id")
	}
	delete(body, "member")
	var answer marketing.Quote
	err = s.reads.View(r.Context(), func(tx *store.Tx) error {
		member, err := memberNamed(tx, name)
		if err != nil {
			return err
		}
		order, err := quoted(tx, body)
		if err != nil {
			return err
		}
		answer, err = marketing.New(s.DB).Quote(tx, member, order)
		return refusedReward(err)
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, answer)
}

// quoted reads the order of a quote as an event's is read.
func quoted(tx *store.Tx, body object) (o loyalty.Order, err error) {
	v, err := versions.Active(tx)
	if errors.Is(err, versions.ErrNoProgram) {
		return o, refusedReward(points.ErrNone)
	}
	if err != nil {
		return o, err
	}
	body["id"] = json.RawMessage(`"quote"`)
	order, err := json.Marshal(body)
	if err != nil {
		return o, err
	}
	event := fmt.Sprintf(`{"type":"order.placed","id":"quote","at":%q,"member":{"id":"quote"},"order":%s}`, tx.At.Format(time.RFC3339), bytes.TrimSpace(order))
	events, refused, err := webhook.Decode([]byte(event), webhook.Options{Source: intake.OwnSource, Currency: v.Program.Currency})
	switch {
	case err != nil:
		return o, refuse(http.StatusBadRequest, "%v", err)
	case len(refused) > 0:
		return o, wrongField(strings.TrimPrefix(refused[0].Field, "order."), "%s", refused[0].Reason)
	}
	o = *events[0].Order
	if !o.HasTotal {
		for _, l := range o.Lines {
			o.Total += l.Total
		}
	}
	return o, nil
}

// pointsAnswer is what a booking by hand came to.
type pointsAnswer struct {
	Balance int64 `json:"balance"`
	Again   bool  `json:"again,omitempty"`
}

// apiPoints gives a member points or takes some, with a reason.
func (s *server) apiPoints(w http.ResponseWriter, r *http.Request, c caller) error {
	body, err := readObject(r, "delta", "reason", "key", "last_day")
	if err != nil {
		return err
	}
	hand := points.Hand{By: "api: " + c.name}
	var delta, last string
	for name, into := range map[string]*string{"delta": &delta, "reason": &hand.Because, "key": &hand.Key, "last_day": &last} {
		if *into, err = body.text(name); err != nil {
			return err
		}
	}
	hand.Key = cmp.Or(r.Header.Get("Idempotency-Key"), hand.Key)
	if len(hand.Key) > 200 {
		return wrongField("key", "the key is longer than 200 characters")
	}
	if hand.N, err = strconv.ParseInt(delta, 10, 64); err != nil || hand.N == 0 {
		return wrongField("delta", "%q is not a whole number of points", delta)
	}
	if last != "" {
		if hand.LastDay, err = loyalty.ParseDay(last); err != nil {
			return wrongField("last_day", "%v", err)
		}
	}
	if hand.Key != "" {
		hand.Key = c.name + ":" + hand.Key
	}
	var answer pointsAnswer
	err = s.DB.Update(r.Context(), func(tx *store.Tx) error {
		if hand.Member, err = memberNamed(tx, r.PathValue("id")); err != nil {
			return err
		}
		booked, err := marketing.Marketer{}.GivePoints(tx, hand)
		if err != nil {
			return refusedReward(err)
		}
		answer.Again = !booked
		return intake.WithPoints(tx, func(rules *points.Rules) (_ []int64, err error) {
			answer.Balance, err = rules.Balance(tx, hand.Member)
			return nil, err
		})
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, answer)
}

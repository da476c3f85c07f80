package public

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"regulars/internal/coupon"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/store"
)

// couponAnswer is what a till is told about a code: whether it is good, and for
// what. Computing the discount is the till's.
type couponAnswer struct {
	Code       string      `json:"code"`
	Pool       string      `json:"pool"`
	Good       bool        `json:"good"`
	Reason     string      `json:"reason,omitempty"`      // why not: not_given, expired, already_used, void, not_theirs, damaged
	ValidUntil string      `json:"valid_until,omitempty"` // its last day, 2027-06-21
	Gives      couponGives `json:"gives"`
	For        couponFor   `json:"for"`
	Again      bool        `json:"again,omitempty"` // redeemed before, on the same order or by the same key
}

// couponGives has one field set. Money is in minor units.
type couponGives struct {
	Percent      int    `json:"percent,omitempty"`
	Amount       int64  `json:"amount_minor,omitempty"`
	Item         string `json:"item,omitempty"`
	Worth        int64  `json:"worth_minor,omitempty"` // the item's
	FreeShipping bool   `json:"free_shipping,omitempty"`
	Points       int64  `json:"points,omitempty"`
	Perk         string `json:"perk,omitempty"`
}

// couponFor is what the order must be like.
type couponFor struct {
	Minimum    int64    `json:"minimum_minor,omitempty"`
	Products   []string `json:"products,omitempty"`
	Categories []string `json:"categories,omitempty"`
	FirstOrder bool     `json:"first_order,omitempty"`
}

func newCouponAnswer(r coupon.Redemption, reason string) couponAnswer {
	p := r.Pool
	a := couponAnswer{
		Code: r.Code.Code, Pool: r.Code.Pool, Good: reason == "", Reason: reason, Again: r.Again,
		Gives: couponGives{p.Percent, p.Amount, p.Item, p.Worth, p.FreeShipping, p.Points, p.Perk},
		For:   couponFor{p.Minimum, p.Products, p.Categories, p.FirstOrder},
	}
	if r.Code.ValidUntil != 0 {
		a.ValidUntil = r.Code.ValidUntil.String()
	}
	return a
}

// apiCoupon says whether a code would be taken today, and from ?member=, without
// taking it: 200 also when it would not, 404 for a code that is none of ours.
func (s *server) apiCoupon(w http.ResponseWriter, r *http.Request, c caller) error {
	if err := s.guesses.mayAsk(w, c.name, time.Now()); err != nil {
		return err
	}
	var answer couponAnswer
	err := s.reads.View(r.Context(), func(tx *store.Tx) error {
		member, err := memberNamed(tx, r.URL.Query().Get("member"))
		if err != nil {
			return err
		}
		day, err := tx.Today()
		if err != nil {
			return err
		}
		found, err := coupon.Look(tx, r.PathValue("code"), member, day)
		var no *coupon.Refused
		switch {
		case errors.As(err, &no) && no.Reason != coupon.Unknown:
			answer = newCouponAnswer(found, no.Reason)
			return nil
		case err != nil:
			return refusedCode(err)
		}
		answer = newCouponAnswer(found, "")
		return nil
	})
	if err != nil {
		return s.guesses.count(c.name, err)
	}
	return writeJSON(w, http.StatusOK, answer)
}

// apiRedeem takes a code: 409 when it is not good. With the shop's id of the
// order, or a key of the caller's, it is safe to repeat.
func (s *server) apiRedeem(w http.ResponseWriter, r *http.Request, c caller) error {
	if err := s.guesses.mayAsk(w, c.name, time.Now()); err != nil {
		return err
	}
	body, err := readObject(r, "member", "order", "discount", "key")
	if err != nil {
		return err
	}
	var done coupon.Redemption
	err = s.DB.Update(r.Context(), func(tx *store.Tx) error {
		use, err := readUse(tx, c.source, body)
		if err != nil {
			return err
		}
		use.Code, use.Key = r.PathValue("code"), cmp.Or(r.Header.Get("Idempotency-Key"), use.Key)
		if len(use.Key) > 200 {
			return wrongField("key", "the key is longer than 200 characters")
		}
		done, err = marketing.Marketer{DB: s.DB}.Redeem(tx, use)
		return refusedCode(err)
	})
	if err != nil {
		return s.guesses.count(c.name, err)
	}
	return writeJSON(w, http.StatusOK, newCouponAnswer(done, ""))
}

func readUse(tx *store.Tx, source string, body object) (use coupon.Use, err error) {
	var member, order, discount string
	for name, into := range map[string]*string{"key": &use.Key, "member": &member, "order": &order, "discount": &discount} {
		if *into, err = body.text(name); err != nil {
			return use, err
		}
	}
	if use.Member, err = memberNamed(tx, member); err != nil {
		return use, err
	}
	if use.Order, err = orderNamed(tx, source, order); err != nil {
		return use, err
	}
	if use.Day, err = tx.Today(); err != nil {
		return use, err
	}
	if discount == "" {
		return use, nil
	}
	currency, err := marketing.Currency(tx)
	if err != nil {
		return use, err
	}
	use.Discount, err = loyalty.ParseMoney(discount, currency)
	if err != nil || use.Discount < 0 {
		return use, wrongField("discount", "%q is not an amount like 5.00", discount)
	}
	if use.Discount > loyalty.Most {
		return use, wrongField("discount", "%q is larger than we can count: at most %s", discount, loyalty.FormatMoney(loyalty.Most, currency))
	}
	return use, nil
}

// refusedCode says why a code was not taken.
func refusedCode(err error) error {
	var no *coupon.Refused
	if !errors.As(err, &no) {
		return err
	}
	status := http.StatusConflict
	if no.Reason == coupon.Unknown {
		status = http.StatusNotFound
	}
	return &refusal{status: status, words: "the code is refused: " + strings.ReplaceAll(no.Reason, "_", " "), reason: no.Reason}
}

// memberNamed returns the member of an id of the shop's, 0 for no id.
func memberNamed(tx *store.Tx, name string) (member int64, err error) {
	if name == "" {
		return 0, nil
	}
	err = tx.One(&member, `
		select m.id
		from   member_keys k
		join   members m on m.id = k.member_id and m.merged_into is null and m.erased_at is null
		where  k.kind = 'id' and k.value = @name`, store.Args{"name": name})
	if errors.Is(err, store.ErrNotFound) {
		return 0, wrongField("member", "there is no member %q", name)
	}
	return member, err
}

// orderNamed returns the order that a till names by the shop's id, 0 for none.
func orderNamed(tx *store.Tx, source, name string) (int64, error) {
	if name == "" {
		return 0, nil
	}
	id, err := intake.OrderNamed(tx, source, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return 0, wrongField("order", "there is no order %q yet: send its event first, or leave it out", name)
	case errors.Is(err, intake.ErrSeveral):
		return 0, wrongField("order", "%v, %q: leave it out", err, name)
	}
	return id, err
}

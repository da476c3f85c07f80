package public

import (
	"strconv"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/store"
	"regulars/templates"
)

// codeView is a code on the member's page.
type codeView struct{ Code, Gives, Terms string }

// memberView is what the member's own page shows. It names nobody: who has the
// link may be somebody whom the mail was forwarded to.
type memberView struct {
	frame
	In      templates.Words
	Joined  bool
	Points  string
	Codes   []codeView
	Choices string // link to the preferences
}

// memberPage shows a member's points and the codes that are still good.
func (s *server) memberPage(tx *store.Tx, who reader, _ consent.Claims) (any, error) {
	if who.Moved {
		return nil, badLink // points and codes are for the member's own mailbox
	}
	shop, err := s.shop(tx)
	if err != nil {
		return nil, err
	}
	in := shop.words(who)
	// Not the whole link: the page may be open under another name.
	choices := "../u/" + s.Links.Token(consent.KindUnsubscribe, consent.ClaimsOf(who.ID, who.Send, who.EmailKey))
	view := memberView{frame: shop.frame(in, in.Say("pages.own")), In: in, Joined: who.Joined, Points: in.Number(who.Points), Choices: choices}
	day, err := marketing.Today(tx)
	if err != nil {
		return view, err
	}
	codes, err := coupon.Of(tx, who.ID)
	if err != nil {
		return view, err
	}
	for _, c := range codes {
		found, err := coupon.Look(tx, c.Code, who.ID, day)
		if err == nil && c.State == coupon.StateIssued { // one that is only reserved has not reached them yet
			view.Codes = append(view.Codes, newCodeView(in, shop, found, c.ValidUntil))
		}
	}
	return view, nil
}

func newCodeView(in templates.Words, shop shop, r coupon.Redemption, until loyalty.Day) codeView {
	money := func(minor int64) string { return in.Money(minor, shop.currency) }
	v := codeView{Code: r.Code.Code}
	switch p := r.Pool; {
	case p.Percent > 0:
		v.Gives = "−" + in.Say("writing.percent", strconv.Itoa(p.Percent))
	case p.Amount > 0:
		v.Gives = "−" + money(p.Amount)
	case p.FreeShipping:
		v.Gives = in.Say("pages.shipping")
	case p.Points > 0:
		v.Gives = "+" + in.Points(p.Points)
	default:
		v.Gives = p.Item + p.Perk // one of them
	}
	var terms []string
	if r.Pool.Minimum > 0 {
		terms = append(terms, in.Say("pages.minimum", money(r.Pool.Minimum)))
	}
	if until == 0 {
		until = r.Pool.ValidUntil
	}
	if until != 0 {
		terms = append(terms, in.Say("pages.until", in.Day(until)))
	}
	v.Terms = strings.Join(terms, " · ")
	return v
}

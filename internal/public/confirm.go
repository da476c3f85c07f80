package public

import (
	"errors"
	"net/http"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/intake"
	"regulars/internal/points"
	"regulars/internal/remote"
	"regulars/internal/store"
	"regulars/templates"
)

// confirmView is what the double opt-in's page shows.
type confirmView struct {
	frame
	In       templates.Words
	Question string
	Button   string
	Done     string    // what was confirmed; "" on the page with the button
	Gift     *codeView // what came with who brought them
}

// confirmView is the page for the mail that the link stood in: the one that asks
// whether somebody wants to join, or one of the shop's own about its topic.
func (s *server) confirmView(tx *store.Tx, who reader, claims consent.Claims) (view confirmView, topic string, err error) {
	shop, err := s.shop(tx)
	if err != nil {
		return view, "", err
	}
	in := shop.words(who)
	joining, err := intake.JoiningOf(tx, claims)
	switch {
	case err == nil:
		view = joiningView(shop, in, joining.Confirmed)
		if joining.Confirmed {
			view.Gift, err = gift(tx, shop, in, joining.Member)
		}
		return view, "", err
	case !errors.Is(err, store.ErrNotFound):
		return view, "", err
	}
	asked, err := intake.AsksToJoin(tx, claims)
	if err != nil {
		return view, "", err
	}
	if who.Topic == "" || asked || who.Moved {
		return view, "", badLink // nobody can tell what they would agree to
	}
	topic = shop.topic(in, who.Topic)
	return confirmView{frame: shop.frame(in, in.Say("pages.ask")), In: in, Question: in.Say("pages.wanted", topic), Button: in.Say("pages.yes")}, topic, nil
}

// gift is what came with who brought a member, nil for nothing.
func gift(tx *store.Tx, shop shop, in templates.Words, member int64) (*codeView, error) {
	code, err := points.Welcome(tx, member)
	if err != nil || code == "" {
		return nil, err
	}
	day, err := tx.Today()
	if err != nil {
		return nil, err
	}
	found, err := coupon.Look(tx, code, member, day)
	if no := (*coupon.Refused)(nil); errors.As(err, &no) {
		return nil, nil
	}
	view := newCodeView(in, shop, found, found.Code.ValidUntil)
	return &view, err
}

// joiningView is the page before the button is pressed, and after.
func joiningView(shop shop, in templates.Words, done bool) confirmView {
	view := confirmView{frame: shop.frame(in, in.Say("pages.join")), In: in, Question: in.Say("pages.join_ask", shop.name), Button: in.Say("pages.join_yes")}
	if done {
		view.Title, view.Done = in.Say("pages.welcome"), in.Say("pages.joined", shop.name)
	}
	return view
}

// confirmPage asks for the one click that a double opt-in needs. Opening it
// confirms nothing: scanners open every link of a mail.
func (s *server) confirmPage(tx *store.Tx, who reader, claims consent.Claims) (any, error) {
	view, _, err := s.confirmView(tx, who, claims)
	return view, err
}

// confirm is the page's button: the member joins, or says yes to the topic of the
// mail that the link stood in.
func (s *server) confirm(w http.ResponseWriter, r *http.Request) error {
	claims, err := s.claims(r, consent.KindConfirm)
	if err != nil {
		return err
	}
	if err := s.fromOurPage(r); err != nil {
		return err
	}
	var view any
	switch _, err = s.Intake.Confirm(r.Context(), claims, consent.How{IP: remote.Address(r)}); {
	case err == nil:
		view, err = s.viewed(r, claims, s.confirmPage)
	case errors.Is(err, store.ErrNotFound):
		view, err = s.confirmTopic(r, claims)
	}
	if err != nil {
		return err
	}
	return s.pages.show(w, http.StatusOK, "confirm", view)
}

// confirmTopic records the member's yes to the topic of a mail.
func (s *server) confirmTopic(r *http.Request, claims consent.Claims) (view confirmView, err error) {
	err = s.changing(r, claims, func(tx *store.Tx, who reader) error {
		asked, topic, err := s.confirmView(tx, who, claims)
		if err != nil {
			return err
		}
		view = asked
		view.Title, view.Done = view.In.Say("pages.done"), view.In.Say("pages.confirmed", topic)
		return consent.Set(tx, who.ID, who.Topic, true, s.how(r, who, "confirmation page", asked.Question))
	})
	return view, err
}

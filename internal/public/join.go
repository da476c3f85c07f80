package public

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"time"

	"regulars/internal/address"
	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/points"
	"regulars/internal/program"
	"regulars/internal/remote"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/templates"
)

// Anybody may open the page on which friends join, and type in anybody's address. So
// it asks for nothing but the address and topics, whoever joins by it confirms that by
// mail, it answers alike whether an address is a member's or not, and it changes
// nothing about members.

// joinView is what that page shows.
type joinView struct {
	frame
	In     templates.Words
	Ref    string // the referral code, as it came; "" where it is none
	Gives  string // what a friend gets; "": nothing
	Note   string // why they get nothing
	Email  string // as typed, where it is no address
	Bad    bool   // it is none
	Topics []topicView
	Say    bool // the page takes nobody in: the code is to be said where one joins
	Asked  bool // a mail is on its way
}

// joinPage shows the form.
func (s *server) joinPage(w http.ResponseWriter, r *http.Request) error {
	var view joinView
	err := s.reads.View(r.Context(), func(tx *store.Tx) (err error) {
		view, err = s.joining(tx, r, r.URL.Query().Get("ref"))
		return err
	})
	if err != nil {
		return err
	}
	return s.pages.show(w, http.StatusOK, "join", view)
}

// joining is the page for who comes with a referral code, or without one.
func (s *server) joining(tx *store.Tx, r *http.Request, ref string) (view joinView, err error) {
	shop, err := s.shop(tx)
	if err != nil {
		return view, err
	}
	in := templates.WordsIn(shop.own, append(accepted(r), shop.languages...)...)
	view = joinView{frame: shop.frame(in, in.Say("pages.join_title", shop.name)), In: in}
	for _, topic := range consent.Topics() {
		if topic != loyalty.Program { // which is what joining is about
			view.Topics = append(view.Topics, topicView{Key: topic, Name: shop.topic(in, topic)})
		}
	}
	if err := view.invite(tx, shop, ref); err != nil {
		return view, err
	}
	v, err := versions.Active(tx)
	if err == nil {
		_, err = v.Campaign(program.ConfirmCampaign)
	}
	switch {
	case err == nil:
		return view, nil
	case !errors.Is(err, versions.ErrNoCampaign) && !errors.Is(err, versions.ErrNoProgram):
		return view, err
	case view.Ref == "":
		return view, refuse(http.StatusNotFound, "nobody joins here")
	}
	view.Say = true
	return view, nil
}

// invite says what comes with a referral code.
func (v *joinView) invite(tx *store.Tx, shop shop, ref string) error {
	if ref == "" {
		return nil
	}
	v.Note = v.In.Say("pages.join_unknown")
	found, err := coupon.Referrers(tx, []string{ref})
	if err != nil || found[ref] == 0 {
		return err
	}
	invited, err := intake.Invitation(tx, found[ref])
	if errors.Is(err, points.ErrNoReferral) {
		return nil
	}
	if err != nil {
		return err
	}
	v.Ref = ref
	if invited.Full {
		v.Note = v.In.Say("pages.join_used_up")
		return nil
	}
	pool, err := coupon.Find(tx, invited.Friend)
	if err != nil {
		return err
	}
	v.Note, v.Gives = "", gives(v.In, shop, pool)
	return nil
}

// join is the page's button: a mail asks whether it was the address's reader.
func (s *server) join(w http.ResponseWriter, r *http.Request) error {
	if err := s.fromOurPage(r); err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	if wait := s.joins.wait(remote.Address(r), mostJoins, time.Now()); wait > 0 {
		return tooMany(w, wait, "too many addresses were typed in here: try again in a minute")
	}
	typed := r.PostFormValue("email")
	email, folded, wrong := address.Read(typed)
	var view joinView
	var member bool
	err := s.reads.View(r.Context(), func(tx *store.Tx) (err error) {
		if view, err = s.joining(tx, r, r.PostFormValue("ref")); err != nil || wrong != nil {
			return err
		}
		return tx.One(&member, `
			select count(*) > 0 from member_keys k join members m on m.id = k.member_id
			where  k.kind = 'email' and k.value = @email and m.joined_at is not null and m.merged_into is null and m.erased_at is null`,
			store.Args{"email": folded})
	})
	switch {
	case err != nil:
		return err
	case view.Say:
		return refuse(http.StatusNotFound, "nobody joins here")
	case wrong != nil:
		view.Email, view.Bad = typed, true
		return s.pages.show(w, http.StatusUnprocessableEntity, "join", view)
	}
	s.joins.count(remote.Address(r))
	if !member {
		if err := s.askToJoin(r, view, email); err != nil {
			return err
		}
	}
	view.Asked, view.Title = true, view.In.Say("pages.join_asked_title")
	return s.pages.show(w, http.StatusOK, "join", view)
}

// askToJoin takes in that somebody typed an address into the page's form.
func (s *server) askToJoin(r *http.Request, view joinView, email string) error {
	e := loyalty.Event{Source: intake.OwnSource, Via: "join page", Type: loyalty.MemberJoined, ID: "join:" + rand.Text(), At: loyalty.At(s.DB.Now()), Ask: true}
	e.Member = loyalty.Member{Email: email, Language: view.Lang, ReferredBy: view.Ref, Consent: map[string]bool{}, ConsentText: view.Title}
	for _, t := range view.Topics {
		if slices.Contains(r.PostForm["topic"], t.Key) {
			e.Member.Consent[t.Key] = true
			e.Member.ConsentText += ": " + t.Name
		}
	}
	currency, err := s.Intake.Currency(r.Context())
	if err != nil {
		return err
	}
	_, err = s.Intake.Deliver(r.Context(), currency, []loyalty.Event{e})
	return err
}

// mostJoins is how many addresses may be typed in within a minute from one address of
// the network: a shop's tablet stands at the till for everybody.
const mostJoins = 20

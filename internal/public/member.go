package public

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"regulars/internal/consent"
	"regulars/internal/coupon"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/points"
	"regulars/internal/store"
	"regulars/internal/tiers"
	"regulars/internal/versions"
	"regulars/templates"
)

// codeView is a code on the member's page.
type codeView struct{ Code, Gives, Terms string }

// rewardView is a reward on it. One of Take, Missing and AtTill is said.
type rewardView struct {
	Name, Gives string
	Price       string
	Take        string // on the button
	Missing     string
	AtTill      bool
	Percent     int64 // of its price that is there
}

// cardView is a punch card on it, with a place for each stamp.
type cardView struct {
	Gives  string
	Stamps []bool
	Said   string // 3 / 10
}

// moveView is a row of what came and went of their points.
type moveView struct{ Day, Reason, Points string }

// memberView is what the member's own page shows. It names nobody: who has the
// link may be somebody whom the mail was forwarded to.
type memberView struct {
	frame
	In      templates.Words
	Joined  bool
	Points  string
	Called  string // what points are called
	Pending string // what is on its way
	Ending  string // what ends next, and when
	Tier    string
	Until   string

	NextTier string // the one above it, with what is missing for it

	Cards   []cardView
	Rewards []rewardView
	Key     string // of a claim by this page's buttons: pressed twice they claim once
	Said    string // what became of one
	Bad     bool   // … and it did not work
	Codes   []codeView
	Moves   []moveView // of points, the newest first
	Choices string     // link to the preferences

	Referral *referralView // nil: nobody is rewarded for a friend, or the member has not joined
	codeless int64         // the member, where their code is yet to be made
}

// memberPage shows a member's points, what they are good for, and the codes that are
// still good.
func (s *server) memberPage(tx *store.Tx, who reader, _ consent.Claims) (any, error) {
	return s.member(tx, who)
}

func (s *server) member(tx *store.Tx, who reader) (memberView, error) {
	if who.Moved {
		return memberView{}, badLink // points and codes are for the member's own mailbox
	}
	shop, err := s.shop(tx)
	if err != nil {
		return memberView{}, err
	}
	in := shop.words(who)
	// Not the whole link: the page may be open under another name.
	choices := "../u/" + s.Links.Token(consent.KindUnsubscribe, consent.ClaimsOf(who.ID, who.Send, who.EmailKey))
	view := memberView{frame: shop.frame(in, in.Say("pages.own")), In: in, Joined: who.Joined, Points: in.Number(who.Points), Called: shop.points(in), Choices: choices}
	day, err := tx.Today()
	if err != nil {
		return view, err
	}
	if err := view.addPoints(tx, shop, who.ID); err != nil {
		return view, err
	}
	if who.Joined {
		if err := view.addReferral(tx, s, shop, who.ID); err != nil {
			return view, err
		}
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

// addPoints adds what the program's own points come to.
func (v *memberView) addPoints(tx *store.Tx, shop shop, member int64) error {
	var f struct {
		Pending int64
		Tier    string
		Ends    *loyalty.Day
		Ending  int64
	}
	err := tx.One(&f, `
		select f.points_pending as pending, f.tier, f.points_last_day as ends,
		       coalesce((select cast(sum(l.remains) as bigint) from lots l
		                 where  l.member_id = f.member_id and l.wallet = '`+points.Wallet+`' and l.last_day = f.points_last_day), 0) as ending
		from   facts f
		where  f.member_id = @member`, store.Args{"member": member})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if f.Pending > 0 {
		v.Pending = v.In.Say("pages.pending", shop.count(v.In, f.Pending))
	}
	if f.Ends != nil && f.Ending > 0 {
		v.Ending = v.In.Say("pages.ending", shop.count(v.In, f.Ending), v.In.Day(*f.Ends))
	}
	if err := v.addTier(tx, shop, member, f.Tier); err != nil {
		return err
	}
	err = intake.WithPoints(tx, func(r *points.Rules) ([]int64, error) {
		v.Key = rand.Text()
		offers, err := r.Offers(tx, member, -1)
		if err != nil {
			return nil, err
		}
		for _, o := range offers {
			if o.Reason == points.WrongTier || o.Shut() {
				continue
			}
			view, err := v.reward(tx, shop, o)
			if err != nil {
				return nil, err
			}
			v.Rewards = append(v.Rewards, view)
		}
		cards, err := r.Cards(tx, member)
		if err != nil {
			return nil, err
		}
		for _, c := range cards {
			view, err := v.card(tx, shop, c)
			if err != nil {
				return nil, err
			}
			v.Cards = append(v.Cards, view)
		}
		return nil, v.addMoves(tx, member)
	})
	if errors.Is(err, points.ErrNone) {
		return nil
	}
	return err
}

// addTier says which tier the member has, until when, and what they lack for the next.
func (v *memberView) addTier(tx *store.Tx, shop shop, member int64, tier string) error {
	active, err := versions.Active(tx)
	if err != nil {
		return versions.IgnoreNoProgram(err)
	}
	if l := active.Program.Loyalty; l != nil {
		for _, t := range l.Tiers {
			if t.Name == tier {
				v.Tier = calledIn(v.In, t.Called, t.Name)
			}
		}
	}
	until, err := tiers.UntilOf(tx, active.Program, member)
	if err != nil {
		return err
	}
	if v.Tier != "" && until != nil {
		v.Until = v.In.Say("pages.tier_until", v.In.Day(*until))
	}
	all, err := tiers.NextOf(tx, active.Program, active.Day(tx.At), map[int64]string{member: tier})
	if next := all[member]; next.Lack != nil {
		v.NextTier = calledIn(v.In, next.Tier.Called, next.Tier.Name) + ": " + v.In.Say("pages.missing", v.In.Lacking(next.Lack, shop.currency))
	}
	return err
}

// mostMoves is how many rows of a statement the page shows.
const mostMoves = 10

func (v *memberView) addMoves(tx *store.Tx, member int64) error {
	lines, err := points.Lines(tx, member, mostMoves)
	for _, l := range lines {
		why := v.In.Reason(templates.Booked{Kind: l.Kind, Cause: l.Cause, Order: l.Order, Event: l.Event, Reward: l.Reward, Note: l.Reason})
		v.Moves = append(v.Moves, moveView{v.In.Day(l.Day), why, v.In.Change(l.Amount)})
	}
	return err
}

// mostStamps is how many places of a card are drawn; one with more is told in figures.
const mostStamps = 20

func (v *memberView) card(tx *store.Tx, shop shop, c points.CardLine) (w cardView, err error) {
	pool, err := coupon.Find(tx, c.Gives)
	if err != nil {
		return w, err
	}
	w = cardView{Gives: gives(v.In, shop, pool), Said: v.In.Number(c.Stamps) + " / " + v.In.Number(c.Of)}
	if c.Of <= mostStamps {
		for i := range c.Of {
			w.Stamps = append(w.Stamps, i < c.Stamps)
		}
	}
	return w, nil
}

func (v *memberView) reward(tx *store.Tx, shop shop, o points.Offer) (w rewardView, err error) {
	w = rewardView{Name: o.Reward, Price: shop.count(v.In, o.Price), Percent: 100}
	if o.Gives == "" {
		w.Gives, w.AtTill = "−"+v.In.Money(o.Amount, shop.currency), o.Good
		if o.Good {
			w.Gives = "−" + v.In.Money(o.Worth, shop.currency)
		}
	} else {
		pool, err := coupon.Find(tx, o.Gives)
		if err != nil {
			return w, err
		}
		w.Gives = gives(v.In, shop, pool)
		if o.Good {
			w.Take = v.In.Say("pages.take", w.Price)
		}
	}
	if !o.Good && o.Again != 0 {
		w.Missing = v.In.Say("pages.again", v.In.Day(o.Again))
	} else if !o.Good {
		w.Missing = v.In.Say("pages.missing", shop.count(v.In, o.Missing))
		w.Percent = max(0, 100*(o.Price-o.Missing)/o.Price)
	}
	return w, nil
}

// takeReward is the button of a reward on the member's page.
func (s *server) takeReward(w http.ResponseWriter, r *http.Request) error {
	if err := s.fromOurPage(r); err != nil {
		return err
	}
	claims, err := s.claims(r, consent.KindPage)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	key := r.PostFormValue("key")
	if key == "" || len(key) > 100 {
		return refuse(http.StatusBadRequest, "the form lacks its key: open the page again")
	}
	var view memberView
	err = s.changing(r, claims, func(tx *store.Tx, who reader) error {
		if who.Moved {
			return badLink
		}
		_, err := marketing.New(s.DB).Claim(tx, points.Ask{Member: who.ID, Reward: r.PostFormValue("reward"), Source: "page", Key: strconv.FormatInt(who.ID, 10) + ":" + key, Due: -1})
		said, bad := "pages.taken", false
		var no *points.Refused
		switch {
		case errors.As(err, &no), errors.Is(err, points.ErrKey), errors.Is(err, points.ErrNone):
			said, bad = "pages.not_taken", true
		case err != nil:
			return err
		}
		if who, err = readerOf(tx, claims, ""); err != nil {
			return err
		}
		if view, err = s.member(tx, who); err == nil {
			view.Said, view.Bad = view.In.Say(said), bad
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.pages.show(w, http.StatusOK, "member", view)
}

// gives is what a code of a pool is good for.
func gives(in templates.Words, shop shop, p coupon.Pool) string {
	switch {
	case p.Percent > 0:
		return "−" + in.Say("writing.percent", strconv.Itoa(p.Percent))
	case p.Amount > 0:
		return "−" + in.Money(p.Amount, shop.currency)
	case p.FreeShipping:
		return in.Say("pages.shipping")
	case p.Points > 0:
		return "+" + shop.count(in, p.Points)
	}
	return p.Item + p.Perk // one of them
}

func newCodeView(in templates.Words, shop shop, r coupon.Redemption, until loyalty.Day) codeView {
	v := codeView{Code: r.Code.Code, Gives: gives(in, shop, r.Pool)}
	var terms []string
	if r.Pool.Minimum > 0 {
		terms = append(terms, in.Say("pages.minimum", in.Money(r.Pool.Minimum, shop.currency)))
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

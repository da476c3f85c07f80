package public

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"regulars/internal/address"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/phone"
	"regulars/internal/points"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/tiers"
	"regulars/internal/versions"
	"regulars/internal/webhook"
)

// apiEvents takes what /hooks/standard takes. Events and orders are told apart by
// their source and their id: the shop's one source, unless the token has one of its
// own or ?source= names another.
func (s *server) apiEvents(w http.ResponseWriter, r *http.Request, c caller) error {
	source := cmp.Or(r.URL.Query().Get("source"), c.source, intake.OwnSource)
	if !staff.PlainName(source) {
		return refuse(http.StatusBadRequest, "source is of letters, digits, dots, hyphens and underscores, not %q", source)
	}
	body, release, err := s.hold(r)
	defer release()
	if err != nil {
		return err
	}
	return s.take(w, r, webhook.Options{Source: source, Via: "api:" + c.name},
		func(o webhook.Options) ([]loyalty.Event, []webhook.FieldError, error) { return webhook.Decode(body, o) })
}

// foundMember is what a till is told.
type foundMember struct {
	ID        string            `json:"id"`
	FirstName string            `json:"first_name"`
	LastName  string            `json:"last_name"`
	Language  string            `json:"language"`
	JoinedAt  loyalty.Instant   `json:"joined_at"` // null: known from an order only
	Orders    int64             `json:"orders"`
	Spent     int64             `json:"spent_minor"`
	Points    int64             `json:"points"`
	Pending   int64             `json:"points_pending,omitempty"`           // … that cannot be spent yet
	LastDay   string            `json:"points_last_day,omitempty" gorm:"-"` // the next one on which some end
	Tier      string            `json:"tier,omitempty"`
	TierUntil string            `json:"tier_until,omitempty" gorm:"-"` // its last day, grace included
	Next      *nextTier         `json:"next_tier,omitempty" gorm:"-"`  // null: there is none above it
	Rewards   []points.Offer    `json:"rewards,omitempty" gorm:"-"`
	Cards     []points.CardLine `json:"cards,omitempty" gorm:"-"`
	Code      string            `json:"referral_code,omitempty" gorm:"-"` // by which friends name them
	Link      string            `json:"referral_link,omitempty" gorm:"-"`

	Row  int64        `json:"-"`
	Ends *loyalty.Day `json:"-"`

	codeless bool // the referral code is yet to be made
}

// apiFind answers tills: who has this card, e-mail or phone? 404 for nobody,
// 409 when several do.
func (s *server) apiFind(w http.ResponseWriter, r *http.Request, _ caller) error {
	kind, value, err := whom(r)
	if err != nil {
		return err
	}
	found, err := s.find(r, kind, value)
	if err == nil && len(found) == 1 && found[0].codeless {
		if err = s.makeReferral(r, found[0].Row); err == nil {
			found, err = s.find(r, kind, value)
		}
	}
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return refuse(http.StatusNotFound, "nobody has this %s", kind)
	case len(found) > 1:
		return refuse(http.StatusConflict, "several members have this %s", kind)
	}
	return writeJSON(w, http.StatusOK, found[0])
}

// find reads the members who have a key, of several the first two.
func (s *server) find(r *http.Request, kind, value string) (found []foundMember, err error) {
	err = s.reads.View(r.Context(), func(tx *store.Tx) error {
		found = nil
		if kind == "phone" {
			country, err := tx.Setting(store.SettingPhones)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			value = phone.Read(value, country)
		}
		err := tx.All(&found, `
			select m.external_id as id, m.first_name, m.last_name, m.language, m.joined_at,
			       coalesce(f.orders, 0) as orders, coalesce(f.spent, 0) as spent, coalesce(f.points, 0) as points,
			       coalesce(f.points_pending, 0) as pending, f.points_last_day as ends, coalesce(f.tier, '') as tier, m.id as row
			from   member_keys k
			join   members m on m.id = k.member_id and m.erased_at is null and m.merged_into is null
			left   join facts f on f.member_id = m.id
			where  k.kind = @kind and k.value = @value
			order  by m.id
			limit  2`, store.Args{"kind": kind, "value": value})
		if err != nil || len(found) != 1 {
			return err
		}
		if found[0].Ends != nil {
			found[0].LastDay = found[0].Ends.String()
		}
		if err := found[0].addTier(tx); err != nil {
			return err
		}
		if !found[0].JoinedAt.IsZero() {
			invited, code, err := s.referral(tx, found[0].Row)
			if err != nil {
				return err
			}
			if found[0].codeless = invited != nil && code == ""; code != "" && invited != nil {
				found[0].Code, found[0].Link = code, s.Links.Join(code)
			}
		}
		err = intake.WithPoints(tx, func(r *points.Rules) (_ []int64, err error) {
			if found[0].Rewards, err = r.Offers(tx, found[0].Row, -1); err != nil {
				return nil, err
			}
			found[0].Cards, err = r.Cards(tx, found[0].Row)
			return nil, err
		})
		if errors.Is(err, points.ErrNone) {
			return nil
		}
		return err
	})
	return found, err
}

// nextTier is the tier above a member's.
type nextTier struct {
	Tier    string     `json:"tier"`
	Missing []lacksFor `json:"missing,omitempty"`
	Words   string     `json:"words,omitempty"` // for the person at the till
}

// lacksFor is a figure that has still to rise for it.
type lacksFor struct {
	Figure string `json:"figure"` // as rules name it
	Minor  int64  `json:"missing_minor,omitempty"`
	N      int64  `json:"missing,omitempty"`
}

// addTier says until when the member has their tier, and what they lack for the next.
func (m *foundMember) addTier(tx *store.Tx) error {
	v, err := versions.Active(tx)
	if err != nil {
		return versions.IgnoreNoProgram(err)
	}
	until, err := tiers.UntilOf(tx, v.Program, m.Row)
	if err != nil {
		return err
	}
	if until != nil {
		m.TierUntil = until.String()
	}
	all, err := tiers.NextOf(tx, v.Program, v.Day(tx.At), map[int64]string{m.Row: m.Tier})
	next, there := all[m.Row]
	if err != nil || !there {
		return err
	}
	m.Next = &nextTier{Tier: next.Tier.Name, Words: strings.Join(next.Why, "; ")}
	for _, l := range next.Lack {
		lacks := lacksFor{Figure: l.Of, N: l.N}
		if l.Money {
			lacks.Minor, lacks.N = l.N, 0
		}
		m.Next.Missing = append(m.Next.Missing, lacks)
	}
	return nil
}

// whom returns the one key that was asked for, as it stands among the keys.
func whom(r *http.Request) (kind, value string, err error) {
	q := r.URL.Query()
	for _, k := range []string{"card", "email", "phone"} {
		v := q.Get(k)
		if k == "phone" && strings.HasPrefix(v, " ") {
			v = "+" + v // a plus that was not escaped
		}
		switch v = intake.ReadID(v); {
		case v == "":
		case kind != "":
			return "", "", refuse(http.StatusBadRequest, "one of card, email and phone is enough")
		default:
			kind, value = k, v
		}
	}
	switch kind {
	case "":
		return "", "", refuse(http.StatusBadRequest, "say whom to find: ?card=, ?email= or ?phone=")
	case "email":
		if _, value, err = address.Read(value); err != nil {
			return "", "", refuse(http.StatusBadRequest, "email is not an address: %v", err)
		}
	}
	return kind, value, nil
}

// numberOf reads the id of a path; what is no number is not there.
func numberOf(r *http.Request, name string) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil {
		return 0, store.ErrNotFound
	}
	return id, nil
}

// oneOf reads a parameter of the query that has few values; "" when it is not given.
func oneOf(r *http.Request, name string, values ...string) (string, error) {
	v := r.URL.Query().Get(name)
	if v != "" && !slices.Contains(values, v) {
		return "", refuse(http.StatusBadRequest, "%s is one of %s, not %q", name, strings.Join(values, ", "), v)
	}
	return v, nil
}

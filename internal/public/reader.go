package public

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"regulars/internal/consent"
	"regulars/internal/happenings"
	"regulars/internal/loyalty"
	"regulars/internal/remote"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/segments"
	"regulars/templates"
)

// badLink answers a token that is not ours and one whose member is gone alike.
var badLink = &refusal{status: http.StatusNotFound, words: "this link is not valid"}

// testLink answers the links of previews and test mails, which belong to nobody.
var testLink = &refusal{status: http.StatusOK, words: "this link stands in a test mail: it works, and changes nothing"}

// reader is the member whom a link belongs to.
type reader struct {
	ID       int64
	Language string
	Joined   bool
	Points   int64
	EmailKey []byte // of the address that they have now

	Send  int64  `gorm:"-"` // the mail that the link stood in; 0: not to be found
	Topic string `gorm:"-"` // of that mail

	// Moved says that the link went to another address than the member has now. Who
	// reads that mailbox may say no for them, and sees and changes nothing else.
	Moved bool `gorm:"-"`
}

// claims reads the token of the path.
func (s *server) claims(r *http.Request, kind consent.Kind) (consent.Claims, error) {
	claims, err := s.Links.Parse(kind, r.PathValue("token"))
	if errors.Is(err, consent.ErrToken) {
		return claims, badLink
	}
	if err == nil && claims == (consent.Claims{}) {
		return claims, testLink
	}
	return claims, err
}

// readerOf returns who a link is for: who a merged member became, badLink for
// one who was erased. The send counts only where it is one to the link's member,
// for ids repeat after a restore.
func readerOf(tx *store.Tx, c consent.Claims, lock string) (r reader, err error) {
	id, err := consent.Present(tx, c.Member)
	if err == nil {
		err = tx.One(&r, `
			select m.id, m.language, m.joined_at is not null as joined, m.email_key,
			       coalesce((select f.points from facts f where f.member_id = m.id), 0) as points
			from   members m
			where  m.id = @id and m.erased_at is null `+lock, store.Args{"id": id})
	}
	if errors.Is(err, store.ErrNotFound) {
		return r, badLink
	}
	if err != nil {
		return r, err
	}
	if r.Moved, err = moved(tx, c, r); err != nil || c.Send == 0 {
		return r, err
	}
	var sends []struct {
		ID    int64
		Topic string
	}
	err = tx.All(&sends, "select id, topic from sends where id = @send and member_id in (@member, @was)",
		store.Args{"send": c.Send, "member": r.ID, "was": c.Member})
	if len(sends) == 1 {
		r.Send, r.Topic = sends[0].ID, sends[0].Topic
	}
	return r, err
}

// moved reports whether a link went to another address than its reader has now.
// The link says so itself; for those from before links did, the ledger does. Who
// became another member by a merge keeps the mails to the address of before.
func moved(tx *store.Tx, c consent.Claims, r reader) (bool, error) {
	var keys [][]byte
	err := tx.All(&keys, `
		select email_key from members where id in (@member, @was) and email_key is not null`,
		store.Args{"member": r.ID, "was": c.Member})
	if err != nil {
		return false, err
	}
	if c.Address != "" {
		return !slices.ContainsFunc(keys, c.WentTo), nil
	}
	var went [][]byte
	err = tx.All(&went, "select email_key from sends where id = @send and member_id in (@member, @was) and email_key is not null",
		store.Args{"send": c.Send, "member": r.ID, "was": c.Member})
	return len(went) == 1 && !slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, went[0]) }), err
}

// page answers a link of a kind with a page of what f shows its reader.
func (s *server) page(kind consent.Kind, name string, f func(*store.Tx, reader, consent.Claims) (any, error)) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		claims, err := s.claims(r, kind)
		if err != nil {
			return err
		}
		view, err := s.viewed(r, claims, f)
		if err != nil {
			return err
		}
		return s.pages.show(w, http.StatusOK, name, view)
	}
}

// viewed is what f shows the reader of a link, in a transaction that only reads.
func (s *server) viewed(r *http.Request, claims consent.Claims, f func(*store.Tx, reader, consent.Claims) (any, error)) (view any, err error) {
	err = s.reads.View(r.Context(), func(tx *store.Tx) error {
		who, err := readerOf(tx, claims, "")
		if err == nil {
			view, err = f(tx, who, claims)
		}
		return err
	})
	return view, err
}

// changing runs f for the reader of a link, and has the segments see what it
// changed. The rows of all who share the reader's address are locked: what one of
// them refuses is refused for all.
func (s *server) changing(r *http.Request, claims consent.Claims, f func(*store.Tx, reader) error) error {
	return s.reads.Update(r.Context(), func(tx *store.Tx) error {
		member, err := consent.Present(tx, claims.Member)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		sharing, err := consent.Sharing(tx, member)
		if err != nil {
			return err
		}
		who, err := readerOf(tx, claims, tx.ForUpdate())
		if err != nil {
			return err
		}
		if err := f(tx, who); err != nil {
			return err
		}
		return happenings.Changed(tx, sharing, segments.Change{Profile: true})
	})
}

// how says how an answer of the reader came about.
func (s *server) how(r *http.Request, who reader, source, said string) consent.How {
	return consent.How{At: loyalty.At(s.DB.Now()), Source: source, Said: said, IP: remote.Address(r), Send: who.Send}
}

// fromOurPage refuses a form that another site had a browser send. It is asked
// for our own forms only: mail programs post from anywhere. Ours is what a browser
// calls the same origin, and the origin of BASE_URL: a proxy may tell us another
// host than the browser knows.
func (s *server) fromOurPage(r *http.Request) error {
	if s.origins.Check(r) != nil {
		return refuse(http.StatusForbidden, "this form was sent from another site")
	}
	return nil
}

// parseForm reads urlencoded and multipart bodies: mail programs send either.
func parseForm(r *http.Request) error {
	parse := r.ParseForm
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		parse = func() error { return r.ParseMultipartForm(smallBody) }
	}
	err := parse()
	var large *http.MaxBytesError
	if err != nil && !errors.As(err, &large) {
		return refuse(http.StatusBadRequest, "the form can't be read")
	}
	return err
}

// shop is what pages show of the program in force; the zero value before the first.
type shop struct {
	name, url string
	languages []string
	topics    map[string]map[string]string
	currency  string
	own       map[string]templates.Phrases
	called    map[string]string // language → what points are called
	seen      time.Time         // machine time
}

func (s *server) shop(tx *store.Tx) (shop, error) {
	v, err := versions.Active(tx)
	if errors.Is(err, versions.ErrNoProgram) {
		return shop{name: "Regulars"}, nil
	}
	if err != nil {
		return shop{}, err
	}
	p := v.Program
	found := shop{name: p.Shop.Name, url: p.Shop.URL, languages: p.Languages, topics: p.Topics, currency: p.Currency, own: p.Said(), seen: time.Now()}
	if p.Loyalty != nil && p.Loyalty.Points != nil {
		found.called = p.Loyalty.Points.Called
	}
	s.known.Store(&found)
	return found, nil
}

// words are those of the member's language, else of the shop's first.
func (p shop) words(who reader) templates.Words {
	return templates.WordsIn(p.own, append([]string{who.Language}, p.languages...)...)
}

// topic is what a topic is called: by the shop in the page's language, or by us.
func (p shop) topic(in templates.Words, topic string) string {
	names := p.topics[topic]
	have := slices.Sorted(maps.Keys(names))
	if i := templates.Best(have, in.Lang); i >= 0 {
		return names[have[i]]
	}
	return in.Say("pages." + topic)
}

// points is what points are called in the page's language.
func (p shop) points(in templates.Words) string {
	return calledIn(in, p.called, in.Say("pages.points"))
}

// calledIn is what the shop calls something in the page's language.
func calledIn(in templates.Words, called map[string]string, otherwise string) string {
	have := slices.Sorted(maps.Keys(called))
	if i := templates.Best(have, in.Lang); i >= 0 {
		return called[have[i]]
	}
	return otherwise
}

// count is so many points, in words.
func (p shop) count(in templates.Words, n int64) string {
	if len(p.called) == 0 {
		return in.Points(n)
	}
	return in.Number(n) + " " + p.points(in)
}

func (p shop) frame(in templates.Words, title string) frame {
	return frame{Lang: in.Lang, Title: title, Shop: p.name, ShopURL: p.url}
}

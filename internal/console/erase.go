package console

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"regulars/internal/person"
	"regulars/internal/report"
	"regulars/internal/store"
)

// eraseView says what would become of a member who is erased, and asks.
type eraseView struct {
	frame
	Member report.Member
	Would  person.Erased
	Wrong  string
	Stale  bool // who the visitor is is asked once more
}

// askErase says what an erasure would take away, end and keep.
func (c *Console) askErase(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.showErase(w, r, u, "")
}

func (c *Console) showErase(w http.ResponseWriter, r *http.Request, u visitor, what string) error {
	id, err := numbered(r, "member")
	if err != nil {
		return err
	}
	view := eraseView{Wrong: what}
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.Member, err = report.ShowMember(tx, id); err != nil {
			return err
		}
		if view.frame, err = c.frame(tx, r, u, "members", c.pages.words.Say("erase.title")); err != nil {
			return err
		}
		view.Would, err = person.WouldErase(tx, id)
		return err
	})
	if err == nil {
		view.Stale, err = c.stale(r, u)
	}
	if err != nil {
		return err
	}
	status := http.StatusOK
	if what != "" {
		status = http.StatusUnprocessableEntity
	}
	return c.pages.show(w, status, "erase", view)
}

// erase erases a member, where the visitor has typed by which id they are known and has
// proved just now who they are.
func (c *Console) erase(w http.ResponseWriter, r *http.Request, u visitor) error {
	m, err := c.memberOf(r)
	if err != nil {
		return err
	}
	if strings.TrimSpace(r.PostFormValue("id")) != m.ID {
		return c.showErase(w, r, u, c.pages.words.Say("erase.other"))
	}
	if err := c.proves(r, u); errors.As(err, new(*refusal)) {
		return c.showErase(w, r, u, err.Error())
	} else if err != nil {
		return err
	}
	ctx, cancel := lasting(r)
	defer cancel()
	if _, err := c.Marketer.As(u.by()).EraseMember(ctx, m.ID, u.by()); err != nil {
		return mistake(err)
	}
	return back(w, r, "/console/members/"+strconv.FormatInt(m.Number, 10), "erased")
}

// memberOf is the member of a path.
func (c *Console) memberOf(r *http.Request) (m report.Member, err error) {
	id, err := numbered(r, "member")
	if err != nil {
		return m, err
	}
	err = c.read(r.Context(), func(tx *store.Tx) (err error) { m, err = report.ShowMember(tx, id); return err })
	return m, err
}

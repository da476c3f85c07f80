package console

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"regulars/internal/person"
	"regulars/internal/report"
	"regulars/internal/store"
)

// mergeView says what would move if a member were made one with another, and asks.
type mergeView struct {
	frame
	Member report.Member
	Into   string // as it was typed
	Would  *person.Merged
	Wrong  string
}

// askMerge asks with whom a member is to be made one.
func (c *Console) askMerge(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, err := c.mergeView(r, u)
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "merge", view)
}

func (c *Console) mergeView(r *http.Request, u visitor) (view mergeView, err error) {
	id, err := numbered(r, "member")
	if err != nil {
		return view, err
	}
	view.Into = strings.TrimSpace(r.PostFormValue("into"))
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.Member, err = report.ShowMember(tx, id); err != nil {
			return err
		}
		view.frame, err = c.frame(tx, r, u, "members", c.pages.words.Say("merge.title"))
		return err
	})
	return view, err
}

// merge says what would move, and, once that was agreed to, makes two members one.
func (c *Console) merge(w http.ResponseWriter, r *http.Request, u visitor) error {
	view, err := c.mergeView(r, u)
	if err != nil {
		return err
	}
	would, err := c.Marketer.PreviewMerge(r.Context(), view.Member.ID, view.Into)
	switch {
	case err != nil && (store.Away(err) || store.Passing(err)):
		return err
	case view.Into == "", err == nil && would.Again:
		view.Wrong = c.pages.words.Say("merge.nobody")
	case err != nil:
		view.Wrong = err.Error()
	case r.PostFormValue("agreed") == would.Into:
		ctx, cancel := lasting(r)
		defer cancel()
		if _, err := c.Marketer.As(u.by()).MergeMembers(ctx, view.Member.ID, view.Into, u.by()); err != nil {
			return mistake(err)
		}
		return back(w, r, "/console/members/"+strconv.FormatInt(view.Member.Number, 10), "merged")
	default:
		view.Would = &would
		return c.pages.show(w, http.StatusOK, "merge", view)
	}
	return c.pages.show(w, http.StatusUnprocessableEntity, "merge", view)
}

// exportMember hands out all that is known of a member, for a person who asks for it
// (Art. 15 GDPR).
func (c *Console) exportMember(w http.ResponseWriter, r *http.Request, u visitor) error {
	m, err := c.memberOf(r)
	if err != nil {
		return err
	}
	d, err := c.Marketer.As(u.by()).ExportMember(r.Context(), m.ID)
	if err != nil {
		return mistake(err)
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="member-`+strconv.FormatInt(m.Number, 10)+`.json"`)
	_, _ = w.Write(append(text, '\n'))
	return nil
}

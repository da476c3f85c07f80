package console

import (
	"fmt"
	"net/http"
	"strings"

	"regulars/internal/intake"
	"regulars/internal/outbox"
	"regulars/internal/parked"
	"regulars/internal/staff"
	"regulars/internal/store"
)

// webhooksView is what other systems told us and nobody understood, and whom we tell.
type webhooksView struct {
	frame
	Parked []parked.Hook
	Told   []outbox.Standing
}

// shownParked is how many deliveries that wait are listed.
const shownParked = 50

func (c *Console) webhooks(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view webhooksView
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "settings", c.pages.words.Say("webhooks.title")); err != nil {
			return err
		}
		if view.Parked, err = parked.List(tx, false, shownParked); err != nil {
			return err
		}
		view.Told, err = outbox.Standings(tx)
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "webhooks", view)
}

// webhookView is one delivery with what it says, which is personal data.
type webhookView struct {
	frame
	Hook parked.Hook
}

// Text is what the delivery says, as far as it is text.
func (v webhookView) Text() string { return strings.ToValidUTF8(string(v.Hook.Body), "�") }

// Waits reports whether nobody has dealt with it yet.
func (v webhookView) Waits() bool { return v.Hook.State == parked.Waiting }

func (c *Console) webhook(w http.ResponseWriter, r *http.Request, u visitor) error {
	id, err := numbered(r, "hook")
	if err != nil {
		return err
	}
	var view webhookView
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.Hook, err = parked.Show(tx, id); err != nil {
			return err
		}
		view.frame, err = c.frame(tx, r, u, "settings", c.pages.words.Say("webhooks.one", fmt.Sprint(id), view.Hook.Source))
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "webhook", view)
}

// replayHook reads a delivery once more, as of when it was received.
func (c *Console) replayHook(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.settleHook(w, r, u, "replay", func(id int64) (parked.Hook, error) {
		return parked.Replay(r.Context(), c.DB, intake.New(c.DB), id)
	})
}

// endHook says that a person has dealt with it.
func (c *Console) endHook(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.settleHook(w, r, u, "deal with", func(id int64) (parked.Hook, error) { return parked.Settle(r.Context(), c.DB, id) })
}

func (c *Console) settleHook(w http.ResponseWriter, r *http.Request, u visitor, act string, f func(id int64) (parked.Hook, error)) error {
	id, err := numbered(r, "hook")
	if err != nil {
		return err
	}
	var before parked.Hook
	if err := c.read(r.Context(), func(tx *store.Tx) (err error) { before, err = parked.Show(tx, id); return err }); err != nil {
		return err
	}
	h, err := f(id)
	if err != nil {
		return mistake(err)
	}
	err = c.DB.Update(r.Context(), func(tx *store.Tx) error {
		return staff.Note(tx, staff.Act{By: u.by(), Act: act, About: fmt.Sprintf("delivery %d of %s", id, h.Source), Before: before.State, After: h.State})
	})
	if err != nil {
		return err
	}
	if h.State == parked.Waiting {
		return back(w, r, fmt.Sprintf("/console/webhooks/%d", id), "waits_still")
	}
	return back(w, r, "/console/webhooks", "dealt_with")
}

// steerTold says whether a system is told, and what becomes of what it did not take.
func (c *Console) steerTold(w http.ResponseWriter, r *http.Request, u visitor) error {
	name := r.PostFormValue("name")
	act := staff.Act{By: u.by(), Act: r.PostFormValue("act") + " webhooks", About: "destination " + name}
	err := c.DB.Update(r.Context(), func(tx *store.Tx) (err error) {
		var n int64
		switch r.PostFormValue("act") {
		case "enable":
			err, act.After = outbox.Enable(tx, name), "what waits is sent"
		case "disable":
			var because string
			if because, err = c.because(r); err != nil {
				return err
			}
			err, act.After = outbox.Disable(tx, name, because), because
		case "replay":
			n, err = outbox.Replay(tx, nil, name)
			act.After = fmt.Sprintf("%d are sent again", n)
		case "drop":
			n, err = outbox.Drop(tx, nil, name)
			act.After = fmt.Sprintf("%d are given up", n)
		default:
			return wrong(c.pages.words.Say("webhooks.wrong"))
		}
		if err != nil {
			return err
		}
		return staff.Note(tx, act)
	})
	if err != nil {
		return mistake(err)
	}
	return back(w, r, "/console/webhooks", "steered")
}

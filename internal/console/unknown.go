package console

import (
	"net/http"
	"strconv"

	"regulars/internal/delivery"
	"regulars/internal/report"
	"regulars/internal/store"
)

// unknownView are the mails of which nobody knows whether they went out: a person decides.
type unknownView struct {
	frame
	Mails []report.UnknownMails
}

// someUnknown is how many of a campaign's single mails are named.
const someUnknown = 50

func (c *Console) unknown(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view unknownView
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "today", c.pages.words.Say("unknown.title")); err != nil {
			return err
		}
		view.Mails, err = report.Unknown(tx, someUnknown)
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "unknown", view)
}

// decision reads what a person says of a mail of which nobody knows.
func (c *Console) decision(r *http.Request) (string, error) {
	switch as := r.PostFormValue("as"); as {
	case delivery.WasSent, delivery.Again:
		return as, nil
	}
	return "", wrong(c.pages.words.Say("unknown.wrong"))
}

// resolveMail decides one mail of a member.
func (c *Console) resolveMail(w http.ResponseWriter, r *http.Request, u visitor) error {
	send, err := strconv.ParseInt(r.PostFormValue("mail"), 10, 64)
	if err != nil {
		return store.ErrNotFound
	}
	as, err := c.decision(r)
	if err != nil {
		return err
	}
	return c.acted(w, r, "resolved", func(m report.Member) error { return c.Marketer.As(u.by()).ResolveOf(r.Context(), m.Number, send, as) })
}

// resolveRun decides all such mails of a run.
func (c *Console) resolveRun(w http.ResponseWriter, r *http.Request, u visitor) error {
	run, err := numbered(r, "run")
	if err != nil {
		return err
	}
	as, err := c.decision(r)
	if err != nil {
		return err
	}
	ctx, done := lasting(r)
	defer done()
	n, err := c.Marketer.As(u.by()).ResolveRun(ctx, run, as, u.by())
	switch {
	case err != nil:
		return mistake(err)
	case n == 0:
		return wrong(c.pages.words.Say("unknown.none"))
	}
	return back(w, r, "/console/runs/"+strconv.FormatInt(run, 10), "resolved")
}

package console

import (
	"errors"
	"net/http"
	"strings"

	"regulars/internal/program"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// settingsView is what the installation and the program in force are set to.
type settingsView struct {
	frame
	Tokens   []staff.Token
	Scopes   []string
	Stale    bool   // who the visitor is is asked once more
	Name     string // of the token that was made just now
	Token    string // shown once
	Doors    []Door
	Told     []program.Webhook
	Settings []program.Setting
	Version  int64 // in force; 0: none
	Others   int64 // who may apply a change of the visitor's
}

func (c *Console) settings(w http.ResponseWriter, r *http.Request, u visitor) error {
	return c.showSettings(w, r, u, settingsView{})
}

func (c *Console) showSettings(w http.ResponseWriter, r *http.Request, u visitor, view settingsView) (err error) {
	view.Scopes, view.Doors = staff.Scopes, c.Surroundings.Doors
	err = c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "settings", c.pages.words.Say("settings.title")); err != nil {
			return err
		}
		if view.Tokens, err = staff.Tokens(tx); err != nil {
			return err
		}
		if view.Others, err = staff.OthersWho(tx, staff.Launcher, u.name); err != nil {
			return err
		}
		v, err := versions.Active(tx)
		if errors.Is(err, versions.ErrNoProgram) {
			return nil
		}
		if err != nil {
			return err
		}
		files, err := versions.Files(tx, v.ID)
		view.Version, view.Told, view.Settings = v.ID, v.Program.Webhooks, v.Program.Settings(files)
		return err
	})
	if err == nil {
		view.Stale, err = c.stale(r, u)
	}
	if err != nil {
		return err
	}
	if view.Token != "" {
		w.Header().Set("Cache-Control", "no-store")
	}
	return c.pages.show(w, http.StatusOK, "settings", view)
}

// makeToken makes a token, and shows it this once.
func (c *Console) makeToken(w http.ResponseWriter, r *http.Request, u visitor) error {
	if err := c.proves(r, u); err != nil {
		return err
	}
	view := settingsView{Name: strings.TrimSpace(r.PostFormValue("name"))}
	err := c.DB.Update(r.Context(), func(tx *store.Tx) (err error) {
		view.Token, err = staff.CreateToken(tx, view.Name, strings.TrimSpace(r.PostFormValue("source")), r.PostForm["scope"], u.by())
		return err
	})
	if err != nil {
		return mistake(err)
	}
	return c.showSettings(w, r, u, view)
}

// endToken ends a token at once.
func (c *Console) endToken(w http.ResponseWriter, r *http.Request, u visitor) error {
	if err := c.proves(r, u); err != nil {
		return err
	}
	err := c.DB.Update(r.Context(), func(tx *store.Tx) error { return staff.RevokeToken(tx, r.PostFormValue("name"), u.by()) })
	if err != nil {
		return mistake(err)
	}
	return back(w, r, "/console/settings", "token_ended")
}

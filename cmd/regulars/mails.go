package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/delivery"
	"regulars/internal/intake"
	"regulars/internal/loyalty"
	"regulars/internal/program"
	"regulars/internal/store"
)

// wanted is a mail that somebody wants to see before members do.
type wanted struct {
	delivery.Example
	as, from string
}

func (w *wanted) flags(c *cobra.Command) {
	c.Flags().StringVar(&w.as, "as", "", "the member: id or e-mail (default: a made-up one)")
	c.Flags().StringVar(&w.Language, "language", "", "another language than the member's")
}

func (w *wanted) fromFlag(c *cobra.Command) {
	c.Flags().StringVar(&w.from, "from", "", "a program directory that is not in force yet (default: the version in force)")
}

// read takes the program from the directory, if one is named.
func (w *wanted) read(a *app) error {
	if w.from == "" {
		return nil
	}
	v, err := a.readDirectory(w.from, false)
	if err != nil {
		return err
	}
	w.Draft, w.Texts, _ = program.Load(v.Files)
	return nil
}

func (a *app) previewCommand() *cobra.Command {
	var w wanted
	var html bool
	c := &cobra.Command{
		Use: "preview NAME [MAIL]", Short: "Print a mail as a member would get it, of the version in force or of a directory",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			w.Campaign, w.Mail = args[0], append(args, "")[1]
			return a.preview(c, &w, html)
		},
	}
	w.flags(c)
	w.fromFlag(c)
	c.Flags().BoolVar(&html, "html", false, "the HTML part instead of the text")
	return c
}

// previewDirectoryCommand is campaign preview --from DIR.
func (a *app) previewDirectoryCommand() *cobra.Command {
	var w wanted
	var html bool
	c := &cobra.Command{
		Use: "preview DIR CAMPAIGN [MAIL]", Short: "Print a mail of a program directory as a member would get it, before it is in force",
		Args: cobra.RangeArgs(2, 3),
		RunE: func(c *cobra.Command, args []string) error {
			w.from, w.Campaign, w.Mail = args[0], args[1], append(args, "")[2]
			return a.preview(c, &w, html)
		},
	}
	w.flags(c)
	c.Flags().BoolVar(&html, "html", false, "the HTML part instead of the text")
	return c
}

// preview prints a mail. A draft for a made-up member needs no database.
func (a *app) preview(c *cobra.Command, w *wanted, html bool) error {
	if err := w.read(a); err != nil {
		return err
	}
	var shown delivery.Shown
	err := a.withMember(c, w, func(h *house) (err error) {
		shown, err = h.desk.Preview(c.Context(), w.Example)
		return err
	})
	if errors.Is(err, store.ErrNoFile) && w.Draft != nil && w.as == "" {
		shown, err = delivery.PreviewDraft(w.Example, loyalty.At(time.Now()))
	}
	if err != nil {
		return err
	}
	a.sayWhich(w, shown)
	switch {
	case a.json:
		return a.printJSON(shown)
	case html:
		fmt.Fprintln(a.out, shown.HTML)
	default:
		fmt.Fprintf(a.out, "Subject: %s\n\n%s\n", shown.Subject, shown.Text)
	}
	return nil
}

// sayWhich says whose words and whose data a mail shows.
func (a *app) sayWhich(w *wanted, shown delivery.Shown) {
	version := fmt.Sprintf("version %d, which is in force", shown.Version)
	if shown.Version == 0 {
		version = w.from + ", which is not in force until it is applied"
	}
	as := "a made-up member"
	if w.as != "" {
		as = w.as
	}
	fmt.Fprintf(a.err, "%s of %s, from %s, as %s gets it; the code is made up and the links change nothing\n", shown.Mail, w.Campaign, version, as)
}

func (a *app) sendTestCommand() *cobra.Command {
	var w wanted
	var to string
	c := &cobra.Command{
		Use: "send-test NAME", Short: "Mail a campaign's mail, as a member would get it, to an address of yours",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if to == "" {
				return usage("send-test needs --to ADDRESS")
			}
			w.Campaign = args[0]
			if err := w.read(a); err != nil {
				return err
			}
			return a.withMember(c, &w, func(h *house) error {
				shown, err := h.desk.SendTest(c.Context(), w.Example, to)
				if err != nil {
					return err
				}
				a.sayWhich(&w, shown)
				where := "the relay"
				if h.sink != nil {
					where = "the built-in sink of this command, which ends with it. Set SMTP_URL to really send it"
					if w.Draft == nil && w.as != "" {
						where += fmt.Sprintf(", or have the running service show it in its inbox: regulars enqueue test campaign=%s to=%s as=%s", args[0], to, w.as)
					}
				}
				if a.json {
					return a.printJSON(map[string]any{"to": to, "kept_in_sink": h.sink != nil, "version": shown.Version})
				}
				fmt.Fprintf(a.out, "Handed to %s.\n", where)
				return nil
			})
		},
	}
	w.flags(c)
	w.fromFlag(c)
	c.Flags().StringVar(&to, "to", "", "the address")
	c.Flags().StringVar(&w.Mail, "mail", "", "the mail's name (default: the campaign's first)")
	return c
}

// withMember furnishes the house and finds the member in it, if one is named.
func (a *app) withMember(c *cobra.Command, w *wanted, f func(*house) error) error {
	return a.opened(c.Context(), false, func(db *store.DB) error {
		h, err := a.furnish(c.Context(), db, a.logger())
		if err != nil {
			return err
		}
		defer h.close(c.Context())
		if w.as != "" {
			err := db.View(c.Context(), func(tx *store.Tx) (err error) { w.Member, err = intake.Find(tx, w.as); return err })
			if err != nil {
				return err
			}
		}
		return f(h)
	})
}

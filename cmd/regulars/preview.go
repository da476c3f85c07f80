package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"regulars/internal/delivery"
	"regulars/internal/loyalty"
	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/store"
)

// mailFlags ask for a mail that somebody wants to see before members do.
type mailFlags struct {
	marketing.Mail
	from string // the directory; "": the version in force
	html bool
}

func (f *mailFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.As, "as", "", "the member: id or e-mail (default: a made-up one)")
	c.Flags().StringVar(&f.Language, "language", "", "another language than the member's")
}

func (f *mailFlags) addFrom(c *cobra.Command) {
	c.Flags().StringVar(&f.from, "from", "", "a program directory that is not in force yet (default: the version in force)")
}

// read takes the program from the directory, if one is named.
func (a *app) readFrom(f *mailFlags) error {
	if f.from == "" {
		return nil
	}
	v, err := a.readDirectory(f.from, false)
	if err != nil {
		return err
	}
	f.Draft, f.Texts, _ = program.Load(v.Files)
	return nil
}

// previewCommand is campaign preview, of the version in force, and with draft preview,
// of a directory.
func (a *app) previewCommand(draft bool) *cobra.Command {
	var f mailFlags
	c := &cobra.Command{
		Use: "preview NAME [MAIL]", Short: "Print a mail as a member would get it, of the version in force or of a directory",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if draft {
				f.from, args = args[0], args[1:]
			}
			f.Campaign, f.Mail.Mail = args[0], append(args, "")[1]
			return a.preview(c, &f)
		},
	}
	if draft {
		c.Use, c.Short = "preview DIR CAMPAIGN [MAIL]", "Print a mail of a program directory as a member would get it, before it is in force"
		c.Args = cobra.RangeArgs(2, 3)
	} else {
		f.addFrom(c)
	}
	f.add(c)
	c.Flags().BoolVar(&f.html, "html", false, "the HTML part instead of the text")
	return c
}

// preview prints a mail. A draft for a made-up member needs no database.
func (a *app) preview(c *cobra.Command, f *mailFlags) error {
	if err := a.readFrom(f); err != nil {
		return err
	}
	var shown delivery.Shown
	err := a.wired(c.Context(), func(w *wiring) (err error) {
		shown, err = w.marketer().PreviewMail(c.Context(), f.Mail)
		return err
	})
	if errors.Is(err, store.ErrNoFile) && f.Draft != nil && f.As == "" {
		shown, err = delivery.PreviewDraft(f.Example, loyalty.At(time.Now()))
	}
	if err != nil {
		return err
	}
	a.sayWhich(f, shown)
	switch {
	case a.json:
		return a.printJSON(shown)
	case f.html:
		fmt.Fprintln(a.out, shown.HTML)
	default:
		fmt.Fprintf(a.out, "Subject: %s\n\n%s\n", shown.Subject, shown.Text)
	}
	return nil
}

// sayWhich says whose words and whose data a mail shows.
func (a *app) sayWhich(f *mailFlags, shown delivery.Shown) {
	version := fmt.Sprintf("version %d, which is in force", shown.Version)
	if shown.Version == 0 {
		version = f.from + ", which is not in force until it is applied"
	}
	fmt.Fprintf(a.err, "%s of %s, from %s, as %s gets it; the code is made up and the links change nothing\n",
		shown.Mail, f.Campaign, version, cmp.Or(f.As, "a made-up member"))
}

func (a *app) sendTestCommand() *cobra.Command {
	var f mailFlags
	var to string
	c := newCommand("send-test NAME", "Mail a campaign's mail, as a member would get it, to an address of yours",
		func(c *cobra.Command, args []string) error {
			if to == "" {
				return usage("send-test needs --to ADDRESS")
			}
			f.Campaign = args[0]
			if err := a.readFrom(&f); err != nil {
				return err
			}
			return a.wired(c.Context(), func(w *wiring) error {
				shown, err := w.marketer().As(a.by()).SendTest(c.Context(), f.Mail, to)
				if err != nil {
					return err
				}
				a.sayWhich(&f, shown)
				where := "the relay"
				if w.sink != nil {
					where = "the built-in sink of this command, which ends with it. Set SMTP_URL to really send it"
					if f.Draft == nil && f.As != "" {
						where += fmt.Sprintf(", or have the running service show it in its inbox: regulars enqueue test campaign=%s to=%s as=%s", args[0], to, f.As)
					}
				}
				return a.say(map[string]any{"to": to, "kept_in_sink": w.sink != nil, "version": shown.Version}, "Handed to %s.", where)
			})
		})
	f.add(c)
	f.addFrom(c)
	c.Flags().StringVar(&to, "to", "", "the address")
	c.Flags().StringVar(&f.Mail.Mail, "mail", "", "the mail's name (default: the campaign's first)")
	return c
}

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"regulars/internal/intake"
	"regulars/internal/store"
)

func (a *app) previewCommand() *cobra.Command {
	var as, language string
	var html bool
	c := &cobra.Command{
		Use: "preview NAME [MAIL]", Short: "Print a mail as a member would get it",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withMember(c, as, func(h *house, member int64) error {
				mail := append(args, "")[1]
				r, err := h.desk.Preview(c.Context(), args[0], mail, member, language)
				if err != nil {
					return err
				}
				switch {
				case a.json:
					return a.printJSON(r)
				case html:
					fmt.Fprintln(a.out, r.HTML)
				default:
					fmt.Fprintf(a.out, "Subject: %s\n\n%s\n", r.Subject, r.Text)
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&as, "as", "", "the member: id or e-mail")
	c.Flags().StringVar(&language, "language", "", "another language than the member's")
	c.Flags().BoolVar(&html, "html", false, "the HTML part instead of the text")
	return c
}

func (a *app) sendTestCommand() *cobra.Command {
	var to, as, mail string
	c := &cobra.Command{
		Use: "send-test NAME", Short: "Mail a campaign's mail, as a member would get it, to an address of yours",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if to == "" {
				return usage("send-test needs --to ADDRESS")
			}
			return a.withMember(c, as, func(h *house, member int64) error {
				if err := h.desk.SendTest(c.Context(), args[0], mail, member, to); err != nil {
					return err
				}
				where := "the relay"
				if h.sink != nil {
					where = fmt.Sprintf("the built-in sink of this command, which ends with it. Set SMTP_URL to really send it, or have the running service show it in its inbox: regulars enqueue test campaign=%s to=%s as=%s", args[0], to, as)
				}
				if a.json {
					return a.printJSON(map[string]any{"to": to, "kept_in_sink": h.sink != nil})
				}
				fmt.Fprintf(a.out, "Handed to %s.\n", where)
				return nil
			})
		},
	}
	c.Flags().StringVar(&to, "to", "", "the address")
	c.Flags().StringVar(&as, "as", "", "the member: id or e-mail")
	c.Flags().StringVar(&mail, "mail", "", "the mail's name (default: the campaign's first)")
	return c
}

// withMember furnishes the house and finds a member in it.
func (a *app) withMember(c *cobra.Command, as string, f func(*house, int64) error) error {
	if as == "" {
		return usage("say as whom: --as MEMBER, an id or e-mail")
	}
	return a.opened(c.Context(), false, func(db *store.DB) error {
		h, err := a.furnish(c.Context(), db, a.logger())
		if err != nil {
			return err
		}
		defer h.close(c.Context())
		var member int64
		if err := db.View(c.Context(), func(tx *store.Tx) (err error) { member, err = intake.Find(tx, as); return err }); err != nil {
			return err
		}
		return f(h, member)
	})
}

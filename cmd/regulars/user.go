package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/staff"
	"regulars/internal/store"
)

// userCommand is about who may sign in to the console. It is how the first one comes in,
// and how whoever has lost the password does.
func (a *app) userCommand() *cobra.Command {
	var as string
	group := &cobra.Command{Use: "user", Short: "Who may sign in to the console: add | list | role | remove"}
	add := a.action("add EMAIL", "Add a user, or help one who has lost the password: prints a link that is good once, for an hour", func(tx *store.Tx, args []string) error {
		role, err := staff.ReadRole(as)
		if err != nil {
			return err
		}
		link, err := staff.Add(tx, args[0], role, a.by())
		if err != nil {
			return err
		}
		if a.config.noPasswords {
			return a.say(map[string]string{"email": args[0], "role": string(role)}, "%s may sign in by the provider of OIDC (%s)", args[0], a.config.oidc.Issuer)
		}
		if !a.json {
			fmt.Fprintln(a.err, "Whoever opens this link chooses the password. It is good once, for an hour, and only its hash is kept:")
		}
		address := a.baseURL() + "/console/welcome/" + link
		return a.say(map[string]string{"email": args[0], "role": string(role), "link": address}, "%s", address)
	})
	add.PreRunE = func(*cobra.Command, []string) error {
		var names []string
		for _, r := range staff.Roles {
			names = append(names, string(r))
		}
		if as == "" {
			return usage("say what they may do: --role %s", strings.Join(names, "|"))
		}
		return oneOf("role", as, names)
	}
	add.Flags().StringVar(&as, "role", "", "viewer: figures, no names and addresses | marketer: members too, and helps them | launcher: decides what goes out | admin: all, and the audit")
	group.AddCommand(add,
		a.reading("list", "List the users", func(tx *store.Tx, _ []string) error {
			list, err := staff.Users(tx)
			if err != nil {
				return err
			}
			return printList(a, list, "USER|ROLE|PASSWORD|PASSKEYS|ADDED|SEEN", func(u staff.User) []any {
				return []any{u.Email, u.Role, either(u.Chosen, "chosen", "none"), u.Passkeys, a.second(u.CreatedAt), a.second(u.SeenAt)}
			})
		}),
		a.action("role EMAIL ROLE", "Give a user another role, and end their sessions", func(tx *store.Tx, args []string) error {
			role, err := staff.ReadRole(args[1])
			if err != nil {
				return usage("%w", err)
			}
			if err := staff.SetRole(tx, args[0], role, a.by()); err != nil {
				return err
			}
			return a.done("is " + string(role) + " now")
		}),
		a.action("remove EMAIL", "Take a user away with their passkeys, and end their sessions", func(tx *store.Tx, args []string) error {
			if err := staff.Remove(tx, args[0], a.by()); err != nil {
				return err
			}
			return a.done("removed")
		}))
	return group
}

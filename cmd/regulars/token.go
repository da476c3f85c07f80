package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/staff"
	"regulars/internal/store"
)

func (a *app) tokenCommand() *cobra.Command {
	group := &cobra.Command{Use: "token", Short: "Bearer tokens for /v1: create | list | revoke"}
	var scopes, source string
	create := a.action("create NAME", "Make a token; it is shown once", func(tx *store.Tx, args []string) error {
		token, err := staff.CreateToken(tx, args[0], source, splitList(scopes), a.by())
		if err != nil {
			return err
		}
		if !a.json {
			fmt.Fprintln(a.err, "This is shown once; only its hash is kept:")
		}
		return a.say(map[string]string{"name": args[0], "token": token}, "%s", token)
	})
	create.PreRunE = func(*cobra.Command, []string) error {
		if scopes == "" {
			return usage("say what the token is good for: --scope %s", strings.Join(staff.Scopes, ","))
		}
		for _, scope := range splitList(scopes) {
			if err := oneOf("scope", scope, staff.Scopes); err != nil {
				return err
			}
		}
		return nil
	}
	create.Flags().StringVar(&scopes, "scope", "", strings.Join(staff.Scopes, ",")+": what it is good for")
	create.Flags().StringVar(&source, "source", "", "whose order numbers and event ids it brings, for a system that numbers for itself (default: the shop's)")
	group.AddCommand(create,
		a.action("list", "List the tokens", func(tx *store.Tx, _ []string) error {
			list, err := staff.Tokens(tx)
			if err != nil {
				return err
			}
			return printList(a, list, "TOKEN|SCOPES|SOURCE|MADE BY|CREATED|USED|REVOKED", func(t staff.Token) []any {
				return []any{t.Name, t.Scopes, t.Source, t.MadeBy, a.second(t.CreatedAt), a.second(t.UsedAt), a.second(t.RevokedAt)}
			})
		}),
		a.action("revoke NAME", "End a token at once", func(tx *store.Tx, args []string) error {
			if err := staff.RevokeToken(tx, args[0], a.by()); err != nil {
				return err
			}
			return a.done("revoked")
		}))
	return group
}

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// sources are those of the contract that this version does not take yet, and
// topics what an event may be.
var (
	sources = []string{"shopify", "woocommerce", "stripe", "square"}
	topics  = []string{"member.joined", "member.changed", "order.placed", "order.changed", "order.fulfilled", "order.cancelled", "order.refunded",
		"checkout.started", "visit", "points.changed"}
)

func (a *app) hooksCommand() *cobra.Command {
	group := &cobra.Command{Use: "hooks", Short: "Webhooks: url"}
	group.AddCommand(&cobra.Command{
		Use: "url SOURCE", Short: "What to paste into the shop's settings", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if args[0] != "standard" && !slices.Contains(sources, args[0]) {
				return usage("there is no source %q%s", args[0], meant(args[0], append([]string{"standard"}, sources...)))
			}
			if args[0] != "standard" {
				return usage("%s: not yet; standard works today, for any system that signs as Standard Webhooks say", args[0])
			}
			if a.json {
				return a.printJSON(map[string]any{"url": a.baseURL() + "/hooks/standard", "topics": topics})
			}
			fmt.Fprintf(a.out, "%s/hooks/standard\nSign as https://www.standardwebhooks.com says, with the secret of HOOK_SECRET_STANDARD.\nSend, as the shop has them: %s; and any name of your own, like wishlist.added.\n", a.baseURL(), strings.Join(topics, ", "))
			if len(a.config.hookSecrets["standard"]) == 0 {
				fmt.Fprintln(a.err, "note: HOOK_SECRET_STANDARD is not set here; without it serve refuses every delivery")
			}
			return nil
		},
	})
	return group
}

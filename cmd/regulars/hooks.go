package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/webhook"
)

// sources are those of the contract that this version does not take yet, and
// topics what an event may be.
var (
	sources = []string{"shopify", "woocommerce", "stripe", "square"}
	topics  = []string{"member.joined", "member.changed", "order.placed", "order.changed", "order.fulfilled", "order.cancelled", "order.refunded",
		"checkout.started", "visit", "points.changed"}
)

func (a *app) hooksCommand() *cobra.Command {
	group := &cobra.Command{Use: "hooks", Short: "Webhooks: url | out"}
	group.AddCommand(newCommand("url SOURCE", "What to paste into the shop's settings", func(_ *cobra.Command, args []string) error {
		source, ok := webhook.Named(args[0])
		switch {
		case !ok && slices.Contains(sources, args[0]):
			return usage("%s: not yet; standard works today, for any system that signs as Standard Webhooks say", args[0])
		case !ok:
			return usage("there is no source %q%s", args[0], meant(args[0], append(webhook.Names(), sources...)))
		}
		address, byHand := a.baseURL()+"/hooks/"+source.Name, source.ByHand(a.baseURL())
		if a.json {
			return a.printJSON(map[string]any{"url": address, "topics": topics, "by_hand": byHand})
		}
		fmt.Fprintf(a.out, "%s\n%s\nSend, as the shop has them: %s; and any name of your own, like wishlist.added.\n", address, source.Signing, strings.Join(topics, ", "))
		fmt.Fprintf(a.out, "\nTo send one by hand, with an order that counts nowhere:\n\n%s\n", byHand)
		if len(a.config.hookSecrets[source.Name]) == 0 {
			fmt.Fprintf(a.err, "note: %s is not set here; without it serve refuses every delivery\n", source.Setting())
		}
		return nil
	}))
	group.AddCommand(a.hooksOutCommand())
	return group
}

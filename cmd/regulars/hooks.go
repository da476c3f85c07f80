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
				return a.printJSON(map[string]any{"url": a.baseURL() + "/hooks/standard", "topics": topics, "by_hand": byHand(a.baseURL())})
			}
			fmt.Fprintf(a.out, "%s/hooks/standard\nSign as https://www.standardwebhooks.com says, with the secret of HOOK_SECRET_STANDARD.\nSend, as the shop has them: %s; and any name of your own, like wishlist.added.\n", a.baseURL(), strings.Join(topics, ", "))
			fmt.Fprintf(a.out, "\nTo send one by hand, with an order that counts nowhere:\n\n%s\n", byHand(a.baseURL()))
			if len(a.config.hookSecrets["standard"]) == 0 {
				fmt.Fprintln(a.err, "note: HOOK_SECRET_STANDARD is not set here; without it serve refuses every delivery")
			}
			return nil
		},
	})
	return group
}

// byHand is a script for a shell that signs a delivery and sends it: what is said
// then, about the secret, the clock or the event, is what the shop would be told.
func byHand(base string) string {
	return strings.ReplaceAll(`secret=${HOOK_SECRET_STANDARD%%,*}
id=by-hand-$(date +%s); at=$(date +%s)
body='{"type": "order.placed", "id": "'$id'", "at": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'",
 "member": {"id": "TEST-1"}, "order": {"id": "TEST-1", "status": "test", "total": "10.00"}}'
key=$(printf %s "${secret#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
signature=$(printf %s "$id.$at.$body" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$key -binary | openssl base64 -A)
curl -sS BASE/hooks/standard -H "webhook-id: $id" -H "webhook-timestamp: $at" -H "webhook-signature: v1,$signature" --data-binary "$body"`, "BASE", base)
}

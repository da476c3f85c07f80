package loyalty

import (
	"path"
	"slices"
	"strings"
)

// What other systems can be told of by a webhook of ours.
const (
	ToldJoined       = "member.joined"
	ToldUnsubscribed = "member.unsubscribed"
	ToldEntered      = "segment.entered"
	ToldLeft         = "segment.left"
	ToldMilestone    = "milestone.reached"
	ToldSent         = "mail.sent"
	ToldBounced      = "mail.bounced"
	ToldIssued       = "code.issued"
	ToldRedeemed     = "code.redeemed"
)

// Told are all of them, in the order in which they are shown. The later ones are the
// events that Regulars itself tells campaigns, too.
func Told() []string {
	return []string{ToldJoined, ToldUnsubscribed, ToldEntered, ToldLeft, ToldMilestone, ToldSent, ToldBounced, ToldIssued, ToldRedeemed,
		"tier.up", "tier.kept", "tier.down", "tier.ending", "card.filled", "referral.pending", "referral.joined", "referral.rewarded", "reward.claimed", "reward.reversed"}
}

// ToldBy returns those that a pattern means, like code.*; none: it means nothing.
func ToldBy(pattern string) (all []string) {
	for _, kind := range Told() {
		if fits, err := path.Match(pattern, kind); fits && err == nil {
			all = append(all, kind)
		}
	}
	return slices.Clip(all)
}

// HookKey is the name of a destination of webhooks as the names of settings end:
// HOOK_OUT_SECRET_<key>.
func HookKey(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

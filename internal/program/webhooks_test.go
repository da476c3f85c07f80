package program_test

import (
	"slices"
	"strings"
	"testing"

	"regulars/internal/program"
)

func TestWrongWebhooksAreSaid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ claim, line, want string }{
		{"right", "shop: {url: https://shop.example/in, events: [code.*, mail.sent], with: [email]}", ""},
		{"this machine in clear", "shop: {url: \"http://localhost:8199\", events: [mail.sent]}", ""},
		{"in clear over the network", "shop: {url: http://shop.example/in, events: [mail.sent]}", "8:15: http://shop.example/in would go over the network in clear"},
		{"a password", "shop: {url: \"https://me:pw@shop.example\", events: [mail.sent]}", "8:15: the address holds a user or a password"},
		{"no address", "shop: {url: shop.example, events: [mail.sent]}", `8:15: "shop.example" is no address`},
		{"no url", "shop: {events: [mail.sent]}", "8:10: \"url\" is missing"},
		{"no events", "shop: {url: https://shop.example}", "8:10: \"events\" is missing"},
		{"an event misspelt", "shop: {url: https://shop.example, events: [code.isued]}", `8:46: "code.isued" is nothing that a webhook tells of; did you mean "code.issued"?`},
		{"a pattern that means nothing", "shop: {url: https://shop.example, events: [order.*]}", `8:46: "order.*" is nothing that a webhook tells of`},
		{"more of a member", "shop: {url: https://shop.example, events: [mail.sent], with: [phone]}", `8:65: "phone" is nothing that a webhook tells of a member`},
		{"a key misspelt", "shop: {url: https://shop.example, event: [mail.sent]}", `did you mean "events"?`},
		{"no name", "- https://shop.example", "webhooks is a group of keys"},
		{"two with one secret", "shop-a: {url: https://a.example, events: [mail.sent]}\n  shop_a: {url: https://b.example, events: [mail.sent]}", "9:3: shop-a and shop_a would have the same secret, HOOK_OUT_SECRET_SHOP_A"},
	} {
		files := namesShop()
		files["program.yaml"] += "webhooks:\n  " + tt.line + "\n"
		_, _, problems := program.Load(files)
		var said []string
		for _, p := range problems {
			said = append(said, p.String())
		}
		if text := strings.Join(said, "\n"); tt.want == "" && text != "" || !strings.Contains(text, tt.want) {
			t.Errorf("%s: check says %q, want %q", tt.claim, text, tt.want)
		}
	}
}

func TestAPatternMeansEachOfItsEvents(t *testing.T) {
	t.Parallel()
	w := program.Webhook{Name: "till-api", Events: []string{"code.*", "code.issued", "mail.sent"}}
	if got, want := w.Kinds(), []string{"mail.sent", "code.issued", "code.redeemed"}; !slices.Equal(got, want) {
		t.Errorf("Kinds() = %v, want %v", got, want)
	}
	if got := w.Setting(); got != "HOOK_OUT_SECRET_TILL_API" {
		t.Errorf("Setting() = %s", got)
	}
}

package templates_test

import (
	"strings"
	"testing"

	"regulars/templates"
)

// What is not there is answered with the nearest name and with what there is.
func TestAFieldThatIsNotThereIsNamedWithThoseThatAre(t *testing.T) {
	t.Parallel()
	fields := templates.Fields{Order: true, Milestone: templates.Number, Coupon: true, Launch: map[string]templates.Kind{"headline": templates.Text}}
	for action, want := range map[string][]string{
		"coupon.valid_until":     {"did you mean coupon.ends?", "coupon has amount, code, ends,"},
		"coupon.expiry_date":     {"did you mean coupon.ends?"},
		"coupon.horoscope":       {"coupon has amount, code, ends,"},
		"milestone.number":       {"did you mean milestone.value?", "milestone has figure, value"},
		"milestone.count":        {"did you mean milestone.value?"},
		"order.items":            {"did you mean order.lines?", "order has date, discount, id,"},
		"order.total_amount":     {"did you mean order.total?"},
		"member.surname":         {"did you mean member.last_name?"},
		"member.last_order_date": {"did you mean member.last_order?"},
		"shop.website":           {"did you mean shop.url?", "shop has address, name, url"},
		"links.unsubscribe_url":  {"did you mean links.unsubscribe?", "links has confirm, member, preferences, unsubscribe"},
		"launch.headlin":         {"did you mean launch.headline?"},
		"launch.category":        {"launch has headline"},
		"printf":                 {"this mail has coupon, launch, links, member, milestone, order, shop"},
	} {
		text := "---\nsubject: News\n---\n{{ " + action + " }}\n"
		var said []string
		_, problems := templates.ParseMail("x.en.md", []byte(text), fields)
		for _, p := range problems {
			said = append(said, says(p))
		}
		for _, w := range want {
			if got := strings.Join(said, "\n"); !strings.Contains(got, w) {
				t.Errorf("{{ %s }} is answered %q, want %q in it", action, got, w)
			}
		}
	}
}

package program

import (
	"fmt"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// aspect is one side of a thing as text, to compare two versions and to show.
type aspect struct{ name, text string }

func (p *Program) aspects() []aspect {
	return []aspect{
		{"name", p.Shop.Name}, {"address", p.Shop.Address}, {"link", p.Shop.URL},
		{"from", p.Mail.From}, {"reply_to", p.Mail.ReplyTo}, {"alerts", p.Mail.Alerts},
		{"languages", inWords(p.Languages)}, {"currency", p.Currency}, {"zone", p.Zone.String()},
		{"topics", topicsText(p.Topics)}, {"double opt-in", yesNo(p.Confirm)}, {"caps", strings.Trim(fmt.Sprint(p.Caps), "[]")}, {"quiet hours", p.Quiet.String()},
		{"attributes", attributesText(p.Attributes)}, {"favourites except", inWords(p.FavouritesExcept)}, {"news_within", loyalty.Span(p.NewsWithin)}, {"holdout", share(p.Holdout)},
		{"lifecycle", p.Lifecycle.String()}, {"rfm", p.Scoring.String()},
		{"tracked clicks", yesNo(p.Tracking.Clicks)}, {"tracked opens", yesNo(p.Tracking.Opens)},
	}
}

func (p Pool) aspects(currency string) []aspect {
	money := func(minor int64) string {
		if minor == 0 {
			return ""
		}
		return loyalty.FormatMoney(minor, currency)
	}
	until := ""
	if p.ValidUntil != 0 {
		until = p.ValidUntil.String()
	}
	return []aspect{
		{"kind", p.Kind}, {"pattern", p.Pattern}, {"code", p.Code},
		{"percent", number(int64(p.Percent))}, {"amount", money(p.Amount)}, {"item", p.Item}, {"worth", money(p.Worth)},
		{"free_shipping", yesNo(p.FreeShipping)}, {"points", number(p.Points)}, {"perk", p.Perk},
		{"minimum", money(p.Minimum)}, {"products", inWords(p.Products)}, {"categories", inWords(p.Categories)},
		{"first_order", yesNo(p.FirstOrder)}, {"uses", number(int64(p.Uses))}, {"transferable", yesNo(p.Transferable)}, {"good_again", yesNo(p.GoodAgain)},
		{"valid_for", daysText(p.ValidFor)}, {"valid_until", until},
		{"stock", number(p.Stock)}, {"budget", money(p.Budget)}, {"low", number(p.Low)}, {"checkout", p.Checkout},
	}
}

func (c *Campaign) aspects() []aspect {
	quiet := "the program's"
	if c.Quiet != nil {
		quiet = c.Quiet.String()
	}
	return []aspect{
		{"start", c.Start.Spec}, {"existing", c.Start.Existing.String()}, {"for", ruleText(c.For)}, {"except", ruleText(c.Except)},
		{"until", untilText(c.Until)}, {"again", c.Again.String()}, {"class", c.Class}, {"topic", c.Topic},
		{"capped", c.Capped.String()}, {"quiet", quiet}, {"late", loyalty.Span(c.Late)}, {"catch_up", c.CatchUp},
		{"holdout", share(c.Holdout)}, {"pilot", c.Pilot.String()}, {"waves", c.Waves.String()}, {"steps", stepsText(c.Steps)},
	}
}

// String returns the setting as campaign.yaml has it.
func (e Existing) String() string {
	switch {
	case e.All:
		return "all"
	case e.PerDay > 0:
		return fmt.Sprintf("%d per day", e.PerDay)
	}
	return "none"
}

// String returns the setting as campaign.yaml has it.
func (a Again) String() string {
	switch {
	case a.Each:
		return "each"
	case a.After > 0:
		return daysText(a.After)
	}
	return "never"
}

// String returns the setting as campaign.yaml has it.
func (c Capped) String() string {
	if c.Defer > 0 {
		return "defer " + loyalty.Span(c.Defer)
	}
	return "skip"
}

// String returns the end as campaign.yaml has it.
func (u Until) String() string {
	switch u.Kind {
	case "event":
		return "event " + u.Event
	case "rule":
		return ruleText(u.Rule)
	}
	return strings.ReplaceAll(u.Kind, "_", " ")
}

// String returns the step in a few words: the mail with its coupon and condition.
func (s Step) String() string {
	switch {
	case s.Wait != nil:
		return "wait " + s.Wait.String()
	case len(s.Choose) > 0:
		return "one of (" + stepsText(s.Choose) + ")"
	}
	text := s.Mail
	if s.Coupon != "" {
		text += " with " + s.Coupon + " (empty: " + s.Empty + ")"
	}
	if s.Topic != "" {
		text += " as " + s.Topic
	}
	if s.If != nil {
		text += " if " + s.If.Text()
	}
	return text
}

func stepsText(steps []Step) string { return joined(steps, "; ") }
func untilText(ends []Until) string { return joined(ends, ", ") }

func joined[T fmt.Stringer](parts []T, between string) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.String()
	}
	return strings.Join(texts, between)
}

func ruleText(r *segments.Rule) string {
	if r == nil {
		return ""
	}
	return r.Text()
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func daysText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%dd", n)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return ""
}

func share(permille int) string {
	return strings.TrimSuffix(fmt.Sprintf("%d.%d", permille/10, permille%10), ".0") + "%"
}

func topicsText(topics map[string]map[string]string) string {
	var texts []string
	for _, topic := range sortedKeys(topics) {
		var names []string
		for _, l := range sortedKeys(topics[topic]) {
			names = append(names, l+" "+topics[topic][l])
		}
		texts = append(texts, topic+" ("+strings.Join(names, ", ")+")")
	}
	return strings.Join(texts, ", ")
}

func attributesText(attributes map[string]segments.Type) string {
	var texts []string
	for _, name := range sortedKeys(attributes) {
		texts = append(texts, name+" ("+attributes[name].String()+")")
	}
	return strings.Join(texts, ", ")
}

// orNone shows an empty aspect.
func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

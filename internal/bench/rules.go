package bench

import (
	"fmt"
	"strings"
)

// The rules that are measured. Amounts are in euros.
const (
	// valuable is like recency, frequency and money: who came lately, often, and
	// spent much.
	valuable = `days_since_last_order <= 90 and orders >= 5 and spent >= 200`

	// valuableRaw is the same as somebody would write it who has no facts.
	valuableRaw = `
		select count(*) from (
			select o.member_id
			from   orders o
			where  o.counts and o.day <= @day
			group  by o.member_id
			having max(o.day) >= @day - 90 and count(*) >= 5 and sum(o.total - o.refunded) >= 20000
		) v`

	// windowed counts orders and looks for a category in a span of time.
	windowed = `bought_category("coffee", "90d") and spent("180d") >= 100`
)

// typed are rules over facts as a marketer types them, one after the other.
var typed = []string{
	valuable,
	`orders >= 2 and days_since_last_order > 90`,
	`joined and orders == 0`,
	`average_order >= 50 and not (days_since_last_order <= 30)`,
	`country == "FI" and consent("offers") and days_since_first_order <= 365`,
	`(largest_order >= 100 or spent >= 1000) and language in ("fi", "sv")`,
}

// nightly are twenty segments of a shop, all of which the passing of days moves.
var nightly = []struct{ name, rule string }{
	{"lapsed", `orders >= 2 and days_since_last_order > 90`},
	{"recent", `days_since_last_order < 40`},
	{"needs-nurturing", `days_since_last_order >= 40 and days_since_last_order < 90`},
	{"at-risk", `days_since_last_order >= 90 and days_since_last_order <= 180`},
	{"about-to-lose", `days_since_last_order > 180`},
	{"vip", `orders >= 5 and days_since_last_order <= 90`},
	{"champions", `days_since_last_order <= 30 and orders >= 10 and spent >= 500`},
	{"one-timers", `orders == 1 and days_since_first_order > 30`},
	{"newcomers", `joined and days_since_joined <= 14`},
	{"second-year", `days_since_joined > 365 and days_since_joined <= 730`},
	{"busy-month", `orders("30d") >= 2`},
	{"quarter-spenders", `spent("90d") >= 200`},
	{"coffee-drinkers", `bought_category("coffee", "90d")`},
	{"coffee-lapsed", `bought_category("coffee") and not bought_category("coffee", "180d")`},
	{"lapsed-reachable", `in_segment("lapsed") and consent("offers")`},
	{"slipping", `orders >= 3 and days_since_last_order > 45 and days_since_last_order <= 75`},
	{"quiet-champions", `spent >= 1000 and days_since_last_order > 60`},
	{"large-baskets", `average_order("6m") >= 60`},
	{"all-year", `order_days("1y") >= 6`},
	{"tea-only", `bought_category("tea", "1y") and not bought_category("coffee", "1y")`},
}

// program is the shop's, with those segments and no campaigns.
func program() map[string]string {
	var list strings.Builder
	for _, s := range nightly {
		fmt.Fprintf(&list, "%s: %s\n", s.name, s.rule)
	}
	return map[string]string{
		"program.yaml": `
shop:      {name: The Bench, url: https://shop.example, address: "Bench 1, 00100 Helsinki"}
mail:      {from: "The Bench <bench@shop.example>"}
languages: [en]
currency:  EUR
zone:      UTC
`,
		"segments.yaml": list.String(),
	}
}

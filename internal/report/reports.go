package report

import (
	"fmt"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/store"
	"regulars/segments"
)

// Ask is what a report is asked for.
type Ask struct {
	Day        loyalty.Day // as of the end of this day of the shop
	Past       bool        // Day is not today
	Currency   string      // of the program
	PointWorth int64       // of one point, in thousandths of its minor unit
	Limit      int         // rows at most of a list; 0: as many as the report has or thinks fit
	Narrow     bool        // of its picture: it is for a narrow screen

	Scope segments.Scope // what rules of the program may name
	Tiers []Tier         // of the program, from the lowest
}

// Table is what a report says: to programs its value, to people rows under a head.
type Table struct {
	Value any
	Head  []string
	Rows  [][]string
	Note  string // what whoever reads it should know; "": nothing
}

// Named is a report that can be asked for by its name.
type Named struct {
	Name  string
	Says  string // what it tells, in words
	Dated bool   // it can be asked about an earlier day
	Make  func(*store.Tx, Ask) (Table, error)
}

// NamesMembers reports whether a report lists members by their ids.
func (r Named) NamesMembers() bool { return r.Name == "top" }

// reports are the ones that have a name, sorted by it.
var reports = []Named{
	sales("brands", "brand"),
	{"campaigns", "what each campaign sent and what came after", false, asKept(listed("CAMPAIGN|"+strings.Join(ResultHead, "|"),
		func(tx *store.Tx, _ Ask) ([]Result, error) { return Results(tx, "", 0) },
		func(_ Ask, r Result) []any { return append([]any{r.Campaign}, r.cells()...) }))},
	{"cards", "stamps, full punch cards and the codes that they gave, by month and card", true, listed("MONTH|CARD|STAMPS|ENDED|FILLED|CODES|OF THEM USED",
		func(tx *store.Tx, ask Ask) ([]CardMonth, error) { return Cards(tx, ask.Day) },
		func(_ Ask, m CardMonth) []any {
			return []any{m.Month, m.Card, m.Stamps, m.Ended, m.Filled, m.Codes, m.Used}
		})},
	sales("categories", "category"),
	{"cohorts", "members by the month of their first order, and how many order in each month after", true, cohortsReport},
	{"domains", "of the last 30 days, what became of the mails by the domain of their recipients: refused, came back, complained of", false, listed("DOMAIN|MEMBERS|SENT|REFUSED|BOUNCED|NOT ARRIVED|COMPLAINED|COMPLAINTS",
		func(tx *store.Tx, ask Ask) ([]DomainUse, error) { return Domains(tx, ask.Day, ask.most(usualDomains)) },
		func(_ Ask, d DomainUse) []any { return d.cells() })},
	{"drops", "of the newest drops, how many codes were issued and used by the end of each day", true, listed("RUN|CAMPAIGN|POOL|DAY|SINCE ITS BEGIN|ISSUED|USED|DISCOUNT|BUDGET",
		func(tx *store.Tx, ask Ask) ([]DropDay, error) { return Drops(tx, ask.Day, ask.most(newestDrops)) },
		func(ask Ask, d DropDay) []any {
			return []any{d.Run, d.Campaign, d.Pool, d.Day, int64(d.Day - d.Begun), d.Issued, d.Redeemed, ask.money(d.Discount), ask.budget(d.Budget)}
		})},
	{"ending", "what ends in each month ahead unless members use it before: points and codes", false, listed("MONTH|POINTS|CODES",
		func(tx *store.Tx, ask Ask) ([]EndingMonth, error) { return Ending(tx, ask.Day) },
		func(_ Ask, m EndingMonth) []any { return []any{m.Month, m.Points, m.Codes} })},
	{"favourites", "for how many members each category is the one they spend most on", true, listed("CATEGORY|MEMBERS|OF THEM TIED",
		func(tx *store.Tx, ask Ask) ([]Favourite, error) { return Favourites(tx, ask.Day, ask.most(everything)) },
		func(_ Ask, f Favourite) []any { return []any{f.Category, f.Members, f.Tied} })},
	{"forecast", "who is still a customer, how often customers order, and how well that was foretold", true, forecastReport},
	{"holdout", "what campaigns changed: how many ordered of those whom they were for, and of those held out", true, holdoutReport},
	{"liability", "what the points that members have are worth, all of them and without those that will expire, and what of the sales is deferred for them", true, liabilityReport},
	{"lifecycle", "members by the stage of their lifecycle, and who moved from one to another in a month", true, moved(Lifecycle)},
	{"links", "which links of mails people clicked, and how many members did", false, asKept(listed("CAMPAIGN|MAIL|LINK|MEMBERS|CLICKS",
		func(tx *store.Tx, ask Ask) ([]LinkUse, error) { return Links(tx, "", ask.most(everything)) },
		func(_ Ask, l LinkUse) []any { return []any{l.Campaign, l.Mail, l.Link, l.Members, l.Clicks} }))},
	{"mails", "what became of each mail: sent, came back, opened, clicked", false, asKept(listed("CAMPAIGN|MAIL|SENT|BOUNCED|COMPLAINED|OPENED|CLICKED",
		func(tx *store.Tx, _ Ask) ([]MailUse, error) { return Mails(tx, "") },
		func(_ Ask, m MailUse) []any {
			return []any{m.Campaign, m.Mail, m.Sent, m.Bounced, m.Complained, m.Opened, m.Clicked}
		}))},
	{"milestones", "how many members reach their 1st, 3rd, 5th, 10th and every 10th order, by month", true, milestonesReport},
	{"orders", "orders, amount and members by month", true, listed("MONTH|ORDERS|REVENUE|MEMBERS",
		func(tx *store.Tx, ask Ask) ([]Month, error) { return Orders(tx, ask.Day) },
		func(ask Ask, m Month) []any { return []any{m.Month, m.Orders, ask.money(m.Revenue), m.Members} })},
	{"pairs", "which categories are bought together in one order", true, listed("CATEGORY|AND|IN ORDERS",
		func(tx *store.Tx, ask Ask) ([]Pair, error) { return Pairs(tx, ask.Day, ask.most(20)) },
		func(_ Ask, p Pair) []any { return []any{p.First, p.Second, p.Orders} })},
	{"points", "points earned, redeemed and expired by month, and how many were left", true, listed("MONTH|EARNED|BONUS|BY HAND|REDEEMED|EXPIRED|LEFT",
		func(tx *store.Tx, ask Ask) ([]PointsMonth, error) { return Points(tx, ask.Day) },
		func(_ Ask, m PointsMonth) []any {
			return []any{m.Month, m.Earned, m.Bonus, m.Adjusted, m.Redeemed, m.Expired, m.Left}
		})},
	{"pools", "what became of each pool's codes", false, listed("POOL|GIVEN|REDEEMED|EXPIRED|FREE|DISCOUNT",
		func(tx *store.Tx, _ Ask) ([]PoolUse, error) { return Pools(tx) },
		func(ask Ask, p PoolUse) []any {
			return []any{p.Pool, p.Given, p.Redeemed, p.Expired, p.Free, ask.money(p.Discount)}
		})},
	sales("products", "product"),
	{"reasons", "why members were not mailed, by campaign", false, listed("CAMPAIGN|REASON|MEMBERS", NotMailed,
		func(_ Ask, r LeftOut) []any { return []any{r.Campaign, r.Reason, r.N} })},
	{"referrals", "the friends whom members brought, by the month in which they joined, and what became of the reward", false, listed("MONTH|REFERRERS|FRIENDS|PENDING|REWARDED|REFUSED|ENDED|POINTS",
		func(tx *store.Tx, _ Ask) ([]ReferralsMonth, error) { return Referrals(tx) },
		func(_ Ask, m ReferralsMonth) []any {
			return []any{m.Month, m.Referrers, m.Friends, m.Pending, m.Rewarded, m.Refused, m.Ended, m.Points}
		})},
	{"repeat", "how many members order again: 2, 3, 5, 10, 20 times", true, listed("ORDERS|CUSTOMERS|SHARE|ON AS MANY DAYS", Repeats,
		func(_ Ask, r Repeat) []any {
			return []any{fmt.Sprintf("%d or more", r.Orders), r.Customers, percent(r.Share), r.OnDays}
		})},
	{"returning", "who ordered in each month: for the first time, or again", true, listed("MONTH|MEMBERS|AGAIN|SHARE",
		func(tx *store.Tx, ask Ask) ([]ReturningMonth, error) { return Returning(tx, ask.Day) },
		func(_ Ask, m ReturningMonth) []any { return []any{m.Month, m.Members, m.Again, percent(m.Share)} })},
	{"rfm", "members by the groups of recency, frequency and money, and who moved from one to another in a month", true, moved(RFM)},
	{"rfm-grid", "members by recency and frequency, what they spend, and who moved in a month", true, gridReport},
	{"shops", "sales by point of sale", true, saleList("shop", func(tx *store.Tx, ask Ask) ([]Sale, error) {
		return Shops(tx, ask.Day, ask.most(everything))
	})},
	{"stocks", "how many codes of each pool were left, given and used by the end of each day", true, listed("POOL|DAY|LEFT|GIVEN|USED|ENDED|DISCOUNT",
		func(tx *store.Tx, ask Ask) ([]StockDay, error) { return Stocks(tx, "", ask.Day, ask.most(stockDays)) },
		func(ask Ask, d StockDay) []any {
			left := "no limit"
			if d.Left != nil {
				left = fmt.Sprint(*d.Left)
			}
			return []any{d.Pool, d.Day, left, d.Given, d.Used, d.Ended, ask.money(d.Spent)}
		})},
	{"summary", "the shop in figures: customers, orders, amount, average order, repeat rate", true, summaryReport},
	{"tiers", "members by their tier, and what became of tiers in a month", true, tiersReport},
	{"top", "the tenth of the members who spend most, and what share is theirs", true, topReport},
	{"winback", "of rules that say whom to win back, how many of those they would have mailed did not order again", true, winbackReport},
}

// Reports returns the reports that have a name.
func Reports() []Named { return slices.Clone(reports) }

// ByName returns a report; false if there is none of that name.
func ByName(name string) (Named, bool) {
	at := slices.IndexFunc(reports, func(r Named) bool { return r.Name == name })
	if at < 0 {
		return Named{}, false
	}
	return reports[at], true
}

// facts is the source of facts f as of the day, with the arguments it takes.
func (a Ask) facts(tx *store.Tx) (source string, args store.Args) {
	args = store.Args{"day": int64(a.Day), "limit": int64(a.Limit)}
	if !a.Past {
		return "facts f", args
	}
	return "(" + segments.FactsSelect(tx.Engine(), "") + ") f", args
}

// most returns the limit, or usual where none was asked for.
func (a Ask) most(usual int) int {
	if a.Limit > 0 {
		return a.Limit
	}
	return usual
}

// budget is money, where there is a budget.
func (a Ask) budget(minor int64) string {
	if minor == 0 {
		return "none"
	}
	return a.money(minor)
}

func (a Ask) money(minor int64) string { return loyalty.FormatMoney(minor, a.Currency) }

// marked is money in a picture, which people read and nothing else.
func (a Ask) marked(minor int64) string { return loyalty.Thousands(a.money(minor), ",") }

// everything is a limit that lets all rows through.
const everything = 1 << 40

// listed makes the report of a list: its rows stand under a head, whose columns are
// separated by "|".
func listed[T any](head string, read func(*store.Tx, Ask) ([]T, error), cells func(Ask, T) []any) func(*store.Tx, Ask) (Table, error) {
	return func(tx *store.Tx, ask Ask) (Table, error) {
		list, err := read(tx, ask)
		t := Table{Value: list, Head: strings.Split(head, "|")}
		for _, item := range list {
			t.Rows = append(t.Rows, row(cells(ask, item)...))
		}
		return t, err
	}
}

// asKept notes of a report from when on mails are known one by one: how many went out
// and came back is counted for ever, the rest only of those that are kept.
func asKept(make func(*store.Tx, Ask) (Table, error)) func(*store.Tx, Ask) (Table, error) {
	return func(tx *store.Tx, ask Ask) (Table, error) {
		t, err := make(tx, ask)
		if err != nil {
			return t, err
		}
		since, err := store.LedgerSince(tx)
		if since != 0 {
			t.Note = fmt.Sprintf("Mails are counted for ever. Opens, clicks, orders and codes are known of mails of starts from %s on: older ones are not kept.", since)
		}
		return t, err
	}
}

// row formats the cells of a table.
func row(cells ...any) []string {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = fmt.Sprint(c)
	}
	return texts
}

// percent formats a share.
func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// ratio is a by b, 0 where there is no b.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// monthOf is the calendar month of a column of days, as SQL: 2027-06.
func monthOf(tx *store.Tx, day string) string {
	if tx.Postgres() {
		return "to_char(date '1970-01-01' + cast(" + day + " as integer), 'YYYY-MM')"
	}
	return "strftime('%Y-%m', " + day + " * 86400, 'unixepoch')"
}

// plainOrder makes a text sort byte by byte, as rules do and SQLite anyway.
func plainOrder(tx *store.Tx, column string) string {
	if tx.Postgres() {
		return column + ` collate "C"`
	}
	return column
}

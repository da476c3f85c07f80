package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"regulars/internal/loyalty"
	"regulars/internal/plot"
)

// pictures are how the values of reports are drawn, by the report's name.
var pictures = map[string]func(Ask, any) string{
	"brands":     drawSales("Sales by brand"),
	"campaigns":  drawCampaigns,
	"cards":      drawCards,
	"categories": drawSales("Sales by category"),
	"cohorts":    drawCohorts,
	"domains":    drawDomains,
	"drops":      drawDrops,
	"ending":     drawEnding,
	"favourites": drawFavourites,
	"forecast":   drawForecast,
	"holdout":    drawHoldout,
	"liability":  drawLiability,
	"lifecycle":  drawMoved("Stages of members"),
	"links":      drawLinks,
	"mails":      drawMails,
	"milestones": drawMilestones,
	"orders":     drawOrders,
	"pairs":      drawPairs,
	"points":     drawPoints,
	"pools":      drawPools,
	"products":   drawSales("Sales by product"),
	"reasons":    drawReasons,
	"referrals":  drawReferrals,
	"repeat":     drawRepeat,
	"returning":  drawReturning,
	"rfm":        drawMoved("RFM groups"),
	"rfm-grid":   drawGrid,
	"shops":      drawSales("Sales by point of sale"),
	"stocks":     drawStocks,
	"summary":    drawSummary,
	"tiers":      drawTiers,
	"top":        drawTop,
	"winback":    drawWinback,
}

// Drawing is a picture as an SVG, and the same for a narrow screen; "": there it is shown
// as it is.
type Drawing struct {
	Wide string `json:"Picture"`
	Slim string `json:",omitempty"`
}

// Drawn is what a picture is asked with on a wide screen and on a narrow one.
func Drawn(ask Ask, draw func(Ask) string) (d Drawing) {
	ask.Narrow = false
	d.Wide = draw(ask)
	ask.Narrow = true
	if d.Slim = draw(ask); d.Slim == d.Wide {
		d.Slim = ""
	}
	return d
}

// Picture is what a report says as a picture.
func (r Named) Picture(ask Ask, t Table) Drawing {
	return Drawn(ask, func(ask Ask) string { return pictures[r.Name](ask, t.Value) })
}

// drawn is Drawn of columns that nobody asked for by name.
func drawn(c plot.Columns) Drawing {
	return Drawn(Ask{}, func(ask Ask) string { return ask.columns(c) })
}

func (a Ask) columns(c plot.Columns) string {
	c.Narrow = a.Narrow
	return c.SVG()
}

func (a Ask) bars(b plot.Bars) string {
	b.Narrow = a.Narrow
	return b.SVG()
}

// drawnBars is how many bars stand below each other; the rest is drawn as one.
const drawnBars = 15

func drawSales(title string) func(Ask, any) string {
	return func(ask Ask, value any) string {
		b := plot.Bars{Title: title, Says: "What was sold, in " + ask.Currency + ", the most first, with its share, as of " + ask.Day.String() + "."}
		var rest Sale
		list := value.([]Sale)
		for i, s := range list {
			if i >= drawnBars {
				rest.Amount, rest.Share = rest.Amount+s.Amount, rest.Share+s.Share
				continue
			}
			b.Rows = append(b.Rows, plot.Bar{Label: cmp.Or(s.Name, "(none)"), Value: float64(s.Amount), Text: ask.marked(s.Amount) + ", " + percent(s.Share)})
		}
		if more := len(list) - drawnBars; more > 0 {
			b.Rows = append(b.Rows, plot.Bar{Label: loyalty.Count(int64(more)) + " more", Value: float64(rest.Amount), Text: ask.marked(rest.Amount) + ", " + percent(rest.Share), Light: true})
		}
		return ask.bars(b)
	}
}

func drawFavourites(ask Ask, value any) string {
	b := plot.Bars{Title: "Favourite categories", Says: "For how many members each category is the one they spend most on, as of " + ask.Day.String() + "."}
	for i, f := range value.([]Favourite) {
		if i < drawnBars {
			b.Rows = append(b.Rows, plot.Bar{Label: cmp.Or(f.Category, "(none)"), Value: float64(f.Members), Text: loyalty.Count(f.Members)})
		}
	}
	return ask.bars(b)
}

func drawPairs(ask Ask, value any) string {
	b := plot.Bars{Title: "Bought together", Says: "In how many orders two categories stand together, as of " + ask.Day.String() + "."}
	for i, p := range value.([]Pair) {
		if i < drawnBars {
			b.Rows = append(b.Rows, plot.Bar{Label: p.First + " + " + p.Second, Value: float64(p.Orders), Text: loyalty.Count(p.Orders)})
		}
	}
	return ask.bars(b)
}

// drawMails draws the mails that were sent most.
func drawMails(ask Ask, value any) string {
	b := plot.Bars{Title: "Mails", Says: "How many of each mail were sent, the most first, and how many members clicked."}
	list := slices.Clone(value.([]MailUse))
	slices.SortStableFunc(list, func(a, b MailUse) int { return cmp.Compare(b.Sent, a.Sent) })
	for i, m := range list {
		if i < drawnBars {
			b.Rows = append(b.Rows, plot.Bar{Label: m.Campaign + " / " + m.Mail, Value: float64(m.Sent), Text: loyalty.Count(m.Sent) + ", " + loyalty.Count(m.Clicked) + " clicked"})
		}
	}
	return ask.bars(b)
}

// drawCampaigns draws the campaigns that most was ordered after.
func drawCampaigns(ask Ask, value any) string {
	b := plot.Bars{Title: "Orders after mails of campaigns", Says: fmt.Sprintf("What members ordered within %d days after a mail of each campaign, in %s, the most first, with how many mails were sent.", Within, ask.Currency)}
	list := slices.Clone(value.([]Result))
	slices.SortStableFunc(list, func(a, b Result) int { return cmp.Compare(b.Revenue, a.Revenue) })
	for i, c := range list {
		if i < drawnBars {
			b.Rows = append(b.Rows, plot.Bar{Label: c.Campaign, Value: float64(c.Revenue), Text: ask.marked(c.Revenue) + ", " + loyalty.Count(c.Sent) + " mails"})
		}
	}
	return ask.bars(b)
}

func drawLinks(ask Ask, value any) string {
	b := plot.Bars{Title: "Links that were clicked", Says: "How many members clicked each link, the most first."}
	list := slices.Clone(value.([]LinkUse))
	slices.SortStableFunc(list, func(a, b LinkUse) int { return cmp.Compare(b.Members, a.Members) })
	for i, l := range list {
		if i < drawnBars {
			b.Rows = append(b.Rows, plot.Bar{Label: l.Mail + ": " + l.Link, Value: float64(l.Members), Text: loyalty.Count(l.Members)})
		}
	}
	return ask.bars(b)
}

func drawPools(ask Ask, value any) string {
	b := plot.Bars{Title: "Codes that were given", Says: "How many codes of each pool members got, the most first, and how many they used."}
	list := slices.Clone(value.([]PoolUse))
	slices.SortStableFunc(list, func(a, b PoolUse) int { return cmp.Compare(b.Given, a.Given) })
	for i, p := range list {
		if i < drawnBars {
			b.Rows = append(b.Rows, plot.Bar{Label: p.Pool, Value: float64(p.Given), Text: loyalty.Count(p.Given) + ", " + loyalty.Count(p.Redeemed) + " used"})
		}
	}
	return ask.bars(b)
}

func drawReferrals(ask Ask, value any) string {
	c := plot.Columns{Title: "Friends by month", Says: "Friends whom members brought in each month, by what became of the reward."}
	rewarded, pending := plot.Series{Name: "rewarded"}, plot.Series{Name: "pending"}
	refused, ended := plot.Series{Name: "refused"}, plot.Series{Name: "ended"}
	for _, m := range newest(value.([]ReferralsMonth)) {
		c.Labels = append(c.Labels, m.Month)
		rewarded.Values, pending.Values = append(rewarded.Values, float64(m.Rewarded)), append(pending.Values, float64(m.Pending))
		refused.Values, ended.Values = append(refused.Values, float64(m.Refused)), append(ended.Values, float64(m.Ended))
	}
	c.Up = []plot.Series{rewarded, pending, refused, ended}
	return ask.columns(c)
}

func drawMilestones(ask Ask, value any) string {
	c := plot.Columns{Title: "Milestones by month", Says: "How many members placed their 1st, 3rd, 5th, 10th and every 10th order in each month, as of " + ask.Day.String() + "."}
	list := newest(value.([]Milestone))
	for _, n := range milestones {
		s := plot.Series{Name: fmt.Sprintf("order %d", n)}
		for _, m := range list {
			s.Values = append(s.Values, float64(m.Reached[n]))
		}
		c.Up = append(c.Up, s)
	}
	for _, m := range list {
		c.Labels = append(c.Labels, m.Month)
	}
	return ask.columns(c)
}

// wholeMoney says amounts in minor units of a currency, without the decimals it has.
func wholeMoney(currency string) func(float64) string {
	unit := math.Pow10(loyalty.CurrencyDigits(currency))
	return func(v float64) string { return plot.Count(v / unit) }
}

// drawLiability draws what points were worth at the end of each month; where the program
// says nothing of their worth, how many there were.
func drawLiability(ask Ask, value any) string {
	months := value.(LiabilityFigures).Months
	c := plot.Columns{Title: "What the points of members are worth", Text: wholeMoney(ask.Currency),
		Says: "What all points that members had at the end of each month are worth, in " + ask.Currency + ", and, dashed, without those that will expire if it goes on as it did, as of " + ask.Day.String() + "."}
	nominal, expected := plot.Series{Name: "all of them"}, plot.Series{Name: "without those that will expire", Dashed: true}
	points := plot.Series{Name: "points"}
	for _, m := range newest(months) {
		c.Labels = append(c.Labels, m.Month)
		points.Values = append(points.Values, float64(m.Left))
		nominal.Values, expected.Values = append(nominal.Values, float64(m.Nominal)), append(expected.Values, float64(m.Expected))
	}
	if c.Lines = []plot.Series{nominal, expected}; ask.PointWorth == 0 {
		c.Title, c.Text, c.Lines = "Points of members at the end of each month", nil, []plot.Series{points}
		c.Says = "How many points members had at the end of each month, as of " + ask.Day.String() + ". The program does not say what one is worth."
	}
	return ask.columns(c)
}

// drawReasons draws why mails were not sent, over all campaigns.
func drawReasons(ask Ask, value any) string {
	b := plot.Bars{Title: "Why mails were not sent", Says: "How many mails of all campaigns were left out for each reason, the commonest first."}
	of := map[string]int64{}
	for _, r := range value.([]LeftOut) {
		of[r.Reason] += r.N
	}
	reasons := slices.Sorted(maps.Keys(of))
	slices.SortStableFunc(reasons, func(a, b string) int { return cmp.Compare(of[b], of[a]) })
	for i, reason := range reasons {
		if i < drawnBars {
			b.Rows = append(b.Rows, plot.Bar{Label: strings.ReplaceAll(reason, "_", " "), Value: float64(of[reason]), Text: loyalty.Count(of[reason])})
		}
	}
	return ask.bars(b)
}

func drawRepeat(ask Ask, value any) string {
	b := plot.Bars{Title: "How often customers have ordered", Says: "Customers with at least so many orders, and their share of all, as of " + ask.Day.String() + "."}
	for _, r := range value.([]Repeat) {
		b.Rows = append(b.Rows, plot.Bar{Label: fmt.Sprintf("%d or more", r.Orders), Value: float64(r.Customers), Text: loyalty.Count(r.Customers) + ", " + percent(r.Share)})
	}
	return ask.bars(b)
}

func drawSummary(ask Ask, value any) string {
	s := value.(Summary)
	b := plot.Bars{Title: "The shop's customers", Says: "How many have joined, have ordered, and have ordered again, as of " + ask.Day.String() + "."}
	b.Rows = []plot.Bar{
		{Label: "members who joined", Value: float64(s.Members), Text: loyalty.Count(s.Members)},
		{Label: "customers", Value: float64(s.Customers), Text: loyalty.Count(s.Customers)},
		{Label: "ordered again", Value: float64(s.Again), Text: loyalty.Count(s.Again) + ", " + percent(s.Repeat)},
	}
	return ask.bars(b)
}

// drawTop draws what the tenth who spend most spend, beside all others.
func drawTop(ask Ask, value any) string {
	t := value.(Top)
	b := plot.Bars{Title: "What the top tenth spends", Says: "What the tenth of the customers who spend most have spent, beside all others, in " + ask.Currency + ", as of " + ask.Day.String() + "."}
	if t.Share > 0 {
		others := int64(math.Round(float64(t.Amount)/t.Share)) - t.Amount
		b.Rows = []plot.Bar{
			{Label: "the top tenth, " + loyalty.Count(t.Size) + " of " + loyalty.Count(t.Customers), Value: float64(t.Amount), Text: ask.marked(t.Amount) + ", " + percent(t.Share)},
			{Label: "all others, " + loyalty.Count(t.Customers-t.Size), Value: float64(others), Text: ask.marked(others) + ", " + percent(1-t.Share), Light: true},
		}
	}
	return ask.bars(b)
}

func drawOrders(ask Ask, value any) string {
	c := plot.Columns{Title: "Orders and members who ordered, by month", Says: "Paid orders of each month and, as a line, how many members placed them, as of " + ask.Day.String() + "."}
	orders, members := plot.Series{Name: "orders"}, plot.Series{Name: "members"}
	for _, m := range newest(value.([]Month)) {
		c.Labels = append(c.Labels, m.Month)
		orders.Values, members.Values = append(orders.Values, float64(m.Orders)), append(members.Values, float64(m.Members))
	}
	c.Up, c.Lines = []plot.Series{orders}, []plot.Series{members}
	return ask.columns(c)
}

func drawPoints(ask Ask, value any) string {
	c := plot.Columns{Title: "Points by month", Says: "Points that came, above the line, and went, below it, in each month, and how many were left at its end, as of " + ask.Day.String() + "."}
	earned, bonus, given := plot.Series{Name: "earned"}, plot.Series{Name: "bonus"}, plot.Series{Name: "by hand"}
	redeemed, expired, taken := plot.Series{Name: "redeemed"}, plot.Series{Name: "expired"}, plot.Series{Name: "taken back"}
	left := plot.Series{Name: "left"}
	for _, m := range newest(value.([]PointsMonth)) {
		c.Labels = append(c.Labels, m.Month)
		add := func(s *plot.Series, n int64) { s.Values = append(s.Values, float64(max(0, n))) }
		add(&earned, m.Earned)
		add(&bonus, m.Bonus)
		add(&given, m.Adjusted)
		add(&redeemed, m.Redeemed)
		add(&expired, m.Expired)
		add(&taken, max(0, -m.Earned)+max(0, -m.Bonus)+max(0, -m.Adjusted)+max(0, -m.Redeemed))
		left.Values = append(left.Values, float64(m.Left))
	}
	c.Up, c.Down, c.Lines = []plot.Series{earned, bonus, given}, []plot.Series{redeemed, expired, taken}, []plot.Series{left}
	return ask.columns(c)
}

// drawnMonths is how many months are drawn, the last ones, and of cohorts how many after each.
const drawnMonths = 24

// newest are the months that are drawn.
func newest[T any](months []T) []T { return months[max(0, len(months)-drawnMonths):] }

func drawCohorts(ask Ask, value any) string {
	h := plot.Heat{Title: "Of the members of each month, who ordered again (%)",
		Says: "A row for the members who ordered first in a month, with their number, and of them the share who ordered in each month after, as of " + ask.Day.String() + "."}
	list := value.([]Cohort)
	list = list[max(0, len(list)-drawnMonths):]
	for i, c := range list {
		r := plot.HeatRow{Label: c.Month, Beside: loyalty.Count(c.Members)}
		for n, active := range c.Active[1:min(len(c.Active), 1+drawnMonths)] {
			if i == 0 {
				h.Across = append(h.Across, fmt.Sprintf("+%d", n+1))
			}
			share := ratio(active, c.Members)
			r.Cells = append(r.Cells, plot.HeatCell{Share: share, Text: fmt.Sprintf("%.0f", 100*share), Title: fmt.Sprintf("%s +%d: %s of %s, %s", c.Month, n+1, loyalty.Count(active), loyalty.Count(c.Members), percent(share))})
		}
		h.Rows = append(h.Rows, r)
	}
	return h.SVG()
}

// drawMoved draws how a field divides members, under a title.
func drawMoved(title string) func(Ask, any) string {
	return func(ask Ask, value any) string { return value.(Movement).draw(ask, title) }
}

// SVG is how a field divides members: bars, or, compared with an earlier day, who moved
// from one part to another.
func (m Movement) SVG(title string) string { return m.draw(Ask{}, title) }

func (m Movement) draw(ask Ask, title string) string {
	if m.From == "" {
		b := plot.Bars{Title: title, Says: "How many members are in each part, with their share, on " + m.Day + "."}
		for _, g := range m.Groups {
			b.Rows = append(b.Rows, plot.Bar{Label: g.Name, Value: float64(g.Members), Text: loyalty.Count(g.Members) + ", " + percent(g.Share)})
		}
		return ask.bars(b)
	}
	f := plot.Flow{Narrow: ask.Narrow, Title: title, Says: "In which part members were on " + m.From + ", at the left, and are on " + m.Day + ", at the right, and how many moved from one to another.", From: m.From, To: m.Day}
	for i, g := range m.Groups {
		f.Parts = append(f.Parts, plot.FlowPart{Name: g.Name, Before: float64(g.Before), Now: float64(g.Members)})
		for k, to := range m.Groups {
			if n := m.Between(g.Name, to.Name); n > 0 {
				f.Moves = append(f.Moves, plot.FlowMove{From: i, To: k, N: float64(n)})
			}
		}
	}
	return f.SVG()
}

// SVG is how many members have which tier, and who moved from one to another.
func (r Tiers) SVG() string { return drawTiers(Ask{}, r) }

// Drawn is the same for screens of any width.
func (r Tiers) Drawn() Drawing {
	return Drawn(Ask{}, func(ask Ask) string { return drawTiers(ask, r) })
}

func drawTiers(ask Ask, value any) string {
	r := value.(Tiers)
	f := plot.Flow{Narrow: ask.Narrow, Title: "Tiers", Says: "Which tier members had on " + r.From + ", at the left, and have on " + r.Day + ", at the right, and how many moved from one to another.", From: r.From, To: r.Day}
	for _, t := range r.Tiers {
		f.Parts = append(f.Parts, plot.FlowPart{Name: t.Tier, Before: float64(t.Before), Now: float64(t.Members)})
	}
	for _, m := range r.Moves {
		place := func(name string) int {
			return slices.IndexFunc(r.Tiers, func(t TierLine) bool { return t.Tier == name })
		}
		f.Moves = append(f.Moves, plot.FlowMove{From: place(m.From), To: place(m.To), N: float64(m.Members)})
	}
	return f.SVG()
}

package report

import (
	"fmt"
	"slices"

	"regulars/internal/loyalty"
	"regulars/internal/plot"
	"regulars/internal/store"
	"regulars/segments"
)

// GridPlace is the members of a score of recency and one of frequency.
type GridPlace struct {
	Recency   int   `json:"recency"` // from 1 to 3, the best
	Frequency int   `json:"frequency"`
	Members   int64 `json:"members"`
	Before    int64 `json:"members_before"`
	Revenue   int64 `json:"revenue_minor"` // of their whole life
}

// GridMoved is how many members went from one place to another.
type GridMoved struct {
	From    [2]int `json:"from"` // recency and frequency
	To      [2]int `json:"to"`
	Members int64  `json:"members"`
}

// RFMGrid is how recency and frequency divide those who have ordered, and who moved since
// an earlier day.
type RFMGrid struct {
	Day    string      `json:"day"`
	From   string      `json:"from"`
	Places []GridPlace `json:"places"` // the most recent first, and of them the most frequent
	Moves  []GridMoved `json:"moves"`  // largest first; without those who came new
}

// scores are all that the field rfm may say.
func scores() (all []string) {
	for r := 3; r >= 1; r-- {
		for f := 3; f >= 1; f-- {
			for m := 3; m >= 1; m-- {
				all = append(all, fmt.Sprint(100*r+10*f+m))
			}
		}
	}
	return all
}

// Grid counts the places at the end of a day, and since that of another.
func Grid(tx *store.Tx, ask Ask, from loyalty.Day) (g RFMGrid, err error) {
	field, err := segments.ParseField("rfm", ask.Scope)
	if err != nil {
		return g, err
	}
	of := MovementOf{Name: "rfm", Field: field, Parts: scores(), None: segments.StageNone, Day: ask.Day, Past: ask.Past, From: &from}
	m, err := of.Report(tx)
	if err != nil {
		return g, err
	}
	g.Day, g.From = m.Day, m.From
	for r := 3; r >= 1; r-- {
		for f := 3; f >= 1; f-- {
			g.Places = append(g.Places, GridPlace{Recency: r, Frequency: f})
		}
	}
	for _, group := range m.Groups {
		if at := placeOf(group.Name); at != [2]int{} {
			p := g.at(at)
			p.Members, p.Before, p.Revenue = p.Members+group.Members, p.Before+group.Before, p.Revenue+group.Revenue
		}
	}
	for _, moved := range m.Moves {
		was, is := placeOf(moved.From), placeOf(moved.To)
		if was == is || was == [2]int{} || is == [2]int{} {
			continue
		}
		i := slices.IndexFunc(g.Moves, func(o GridMoved) bool { return o.From == was && o.To == is })
		if i < 0 {
			i, g.Moves = len(g.Moves), append(g.Moves, GridMoved{From: was, To: is})
		}
		g.Moves[i].Members += moved.Members
	}
	slices.SortStableFunc(g.Moves, func(a, b GridMoved) int { return int(b.Members - a.Members) })
	return g, nil
}

// placeOf is where a score stands; zero: it is none.
func placeOf(score string) (at [2]int) {
	if len(score) == 3 {
		at = [2]int{int(score[0] - '0'), int(score[1] - '0')}
	}
	return at
}

// at is a place by its scores.
func (g *RFMGrid) at(scores [2]int) *GridPlace { return &g.Places[3*(3-scores[0])+3-scores[1]] }

// aMonthBefore is the day with which reports compare.
func aMonthBefore(day loyalty.Day) loyalty.Day { return loyalty.Period{Months: -1}.After(day) }

func gridReport(tx *store.Tx, ask Ask) (Table, error) {
	g, err := Grid(tx, ask, aMonthBefore(ask.Day))
	t := Table{Value: g, Head: []string{"RECENCY", "FREQUENCY", "MEMBERS", "A MONTH BEFORE", "CHANGE", "REVENUE", "OF EACH"}}
	for _, p := range g.Places {
		t.Rows = append(t.Rows, row(fmt.Sprintf("%d, %s", p.Recency, bought[3-p.Recency]), fmt.Sprintf("%d, %s", p.Frequency, buys[p.Frequency-1]), p.Members, p.Before, fmt.Sprintf("%+d", p.Members-p.Before), ask.money(p.Revenue), ask.money(perHead(p))))
	}
	return t, err
}

func perHead(p GridPlace) int64 {
	if p.Members == 0 {
		return 0
	}
	return p.Revenue / p.Members
}

// What the scores of a place mean: when members bought last, from the score 3 down, and
// how often, from 1 up.
var (
	bought = [3]string{"just now", "a while ago", "long ago"}
	buys   = [3]string{"seldom", "sometimes", "often"}
)

// drawnMoves is the share of all members from which on a move is drawn.
const drawnMoves = 0.02

func drawGrid(ask Ask, value any) string {
	r := value.(RFMGrid)
	g := plot.Grid{Title: "Members by recency and frequency",
		Says:   "How many members have each score of recency (rows, the latest above) and frequency (columns, the most often at the right) on " + r.Day + ": the larger a square, the more members, the darker, the more each has spent. Arrows are moves of at least 2 % of the members since " + r.From + ".",
		Across: buys, Down: bought}
	all, most := int64(0), int64(0)
	for _, p := range r.Places {
		all, most = all+p.Members, max(most, perHead(p))
	}
	for _, p := range r.Places {
		words := []string{fmt.Sprintf("%s (%+d)", loyalty.Count(p.Members), p.Members-p.Before), ask.marked(perHead(p))}
		if ask.Narrow {
			words = []string{plot.Count(float64(p.Members)), fmt.Sprintf("%+d", p.Members-p.Before), wholeMoney(ask.Currency)(float64(perHead(p)))}
		}
		g.Cells[3-p.Recency][p.Frequency-1] = plot.GridCell{Members: float64(p.Members), Shade: ratio(perHead(p), most),
			Words: words,
			Title: fmt.Sprintf("recency %d, frequency %d: %d members, %+d since %s, %s %s each", p.Recency, p.Frequency, p.Members, p.Members-p.Before, r.From, ask.money(perHead(p)), ask.Currency)}
	}
	for _, m := range r.Moves {
		if float64(m.Members) >= drawnMoves*float64(all) {
			g.Moves = append(g.Moves, plot.GridMove{From: [2]int{3 - m.From[0], m.From[1] - 1}, To: [2]int{3 - m.To[0], m.To[1] - 1}, N: float64(m.Members),
				Title: fmt.Sprintf("from recency %d, frequency %d to %d, %d: %d members", m.From[0], m.From[1], m.To[0], m.To[1], m.Members)})
		}
	}
	g.Narrow = ask.Narrow
	return g.SVG()
}

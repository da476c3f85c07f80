package plot

import (
	"fmt"
	"math"
)

// Grid is members by two scores, three of each: squares as large as there are members, as
// dark as what they spend, and lines for who moved from one to another.
type Grid struct {
	Title  string
	Says   string    // what it shows, in words
	Across [3]string // what the columns are called, from the left
	Down   [3]string // what the rows are called, from above
	Cells  [3][3]GridCell
	Moves  []GridMove

	Narrow bool // for a narrow screen: Slim
}

// GridCell is the members in one of the nine places.
type GridCell struct {
	Members float64
	Shade   float64  // from 0 to 1
	Words   []string // that stand in it, one below the other
	Title   string   // for who points at it
}

// GridMove is how many members went from one place to another; a place is row and column.
type GridMove struct {
	From, To [2]int
	N        float64
	Title    string
}

const lineOf = 16.0 // text

// sizes are how wide a place is, how much room is left of them, and how far from the middle
// of a place arrows begin and end.
func (g Grid) sizes() (side, left, free float64) {
	if g.Narrow {
		return 84, 86, 21
	}
	return 128, 130, 34
}

// SVG draws it.
func (g Grid) SVG() string {
	d := drawing{width: slim(g.Narrow)}
	side, left, _ := g.sizes()
	top := d.heading(g.Title, nil) + 22
	d.height = top + 3*side + 8
	most := 0.0
	for _, row := range g.Cells {
		for _, c := range row {
			most = max(most, amount(c.Members))
		}
	}
	for i := range 3 {
		d.text(left+side*(float64(i)+0.5), top-8, "middle", g.Across[i], side)
		d.text(left-10, top+side*(float64(i)+0.5)+4, "end", g.Down[i], left-10)
		for k := range 3 {
			g.place(&d, i, k, top, most)
		}
	}
	widest := 0.0
	for _, m := range g.Moves {
		widest = max(widest, amount(m.N))
	}
	for _, m := range g.Moves {
		if amount(m.N) > 0 {
			g.arrow(&d, m, top, 1.5+5*amount(m.N)/widest)
		}
	}
	return d.svg(g.Title, g.Says)
}

// place draws one of the nine.
func (g Grid) place(d *drawing, row, column int, top, most float64) {
	c := g.Cells[row][column]
	wide, left, _ := g.sizes()
	x, y := left+wide*float64(column), top+wide*float64(row)
	fmt.Fprintf(&d.b, `<rect x="%s" y="%s" width="%s" height="%s" fill="none" stroke="currentColor" stroke-opacity="0.25"><title>%s</title></rect>`+"\n",
		num(x+2), num(y+2), num(wide-4), num(wide-4), plain(c.Title))
	side, much := 0.0, min(1, amount(c.Shade))
	if most > 0 {
		side = (wide - 8) * math.Sqrt(amount(c.Members)/most)
	}
	fmt.Fprintf(&d.b, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s" fill-opacity="%.2f"><title>%s</title></rect>`+"\n",
		num(x+(wide-side)/2), num(y+(wide-side)/2), num(side), num(side), shade, 0.12+0.5*much, plain(c.Title))
	for i, words := range c.Words {
		d.text(x+10, y+22+lineOf*float64(i), "start", words, wide*0.75)
	}
}

// arrow draws a line from a place towards another, thin where it begins and with its head
// where it ends.
func (g Grid) arrow(d *drawing, m GridMove, top, width float64) {
	for _, at := range [][2]int{m.From, m.To} {
		if at[0] < 0 || at[0] > 2 || at[1] < 0 || at[1] > 2 {
			return
		}
	}
	side, left, free := g.sizes()
	across, down := 0.5, 0.6 // of a place, so that its words stay free
	switch {
	case m.From[0] == m.To[0]:
		down = 0.76
	case m.From[1] == m.To[1]:
		across, down = 0.84, 0.5
	}
	middle := func(at [2]int) (x, y float64) {
		return left + side*(float64(at[1])+across), top + side*(float64(at[0])+down)
	}
	x1, y1 := middle(m.From)
	x2, y2 := middle(m.To)
	far := math.Hypot(x2-x1, y2-y1)
	if far == 0 {
		return
	}
	ux, uy := (x2-x1)/far, (y2-y1)/far
	// Ways there and back lie beside each other.
	x1, y1, x2, y2 = x1+ux*free-uy*9, y1+uy*free+ux*9, x2-ux*free-uy*9, y2-uy*free+ux*9
	head := 6 + width
	bx, by := x2-ux*head, y2-uy*head
	half := width / 2
	fmt.Fprintf(&d.b, `<polyline points="%s,%s %s,%s %s,%s %s,%s %s,%s %s,%s" fill="%s"><title>%s</title></polyline>`+"\n",
		num(x1), num(y1), num(bx-uy*half), num(by+ux*half), num(bx-uy*head*0.7), num(by+ux*head*0.7), num(x2), num(y2),
		num(bx+uy*head*0.7), num(by-ux*head*0.7), num(bx+uy*half), num(by-ux*half), fills[2], plain(m.Title))
}

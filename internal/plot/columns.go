package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Columns are figures over time: series that are stacked upwards and downwards from zero,
// and lines over them. Up, Down and Lines have as many values as there are labels; a value
// that is not a number is left out. The axis has whole numbers.
type Columns struct {
	Title  string
	Says   string   // what it shows, in words
	Labels []string // of the columns: months, days
	Up     []Series
	Down   []Series
	Lines  []Series
	Text   func(float64) string // a value in words; nil: Count
	Narrow bool                 // for a narrow screen: Slim, and of columns the last that stand apart there
}

// Series are the values of one kind.
type Series struct {
	Name   string
	Values []float64
	Dashed bool // of a line: not there yet, expected
}

// at is the value of a column; 0 where there is none.
func (s Series) at(i int) float64 {
	if i >= len(s.Values) || math.IsNaN(s.Values[i]) || math.IsInf(s.Values[i], 0) {
		return 0
	}
	return s.Values[i]
}

const (
	plotHeight = 220.0
	axisRoom   = 64.0 // for the figures at the left
	slimRoom   = 46.0 // the same where there is little
	slimStep   = 4.0  // what a column takes there at least
)

// axis is the room for the figures at the left.
func (c Columns) axis() float64 {
	if c.Narrow {
		return slimRoom
	}
	return axisRoom
}

// newest is what of it fits a narrow screen: whoever looks wants to know of today.
func (c Columns) newest() Columns {
	most := int(math.Floor((Slim - slimRoom) / slimStep))
	from := len(c.Labels) - most
	if from <= 0 || len(c.Up)+len(c.Down) == 0 { // a line may be as fine as it likes
		return c
	}
	last := func(all []Series) (kept []Series) {
		for _, s := range all {
			s.Values = s.Values[min(from, len(s.Values)):]
			kept = append(kept, s)
		}
		return kept
	}
	c.Labels, c.Up, c.Down, c.Lines = c.Labels[from:], last(c.Up), last(c.Down), last(c.Lines)
	return c
}

// SVG draws them.
func (c Columns) SVG() string {
	if c.Narrow {
		c = c.newest()
	}
	d := drawing{width: slim(c.Narrow)}
	axis := c.axis()
	var keys []key
	for i, s := range slices.Concat(c.Up, c.Down) {
		keys = append(keys, key{name: s.Name, fill: fills[i%len(fills)]})
	}
	for _, s := range c.Lines {
		keys = append(keys, key{name: s.Name, line: true, dashed: s.Dashed})
	}
	if len(keys) == 1 {
		keys = nil // the title says it
	}
	top := d.heading(c.Title, keys)
	d.height = top + plotHeight + 26
	scale := ticks(c.span())
	low, high := scale[0], scale[len(scale)-1]
	y := func(v float64) float64 { return top + plotHeight*(high-v)/(high-low) }
	for _, v := range scale {
		d.line(axis, y(v), d.across(), y(v), v != 0)
		d.text(axis-8, y(v)+4, "end", c.text(v), axis-8)
	}
	if len(c.Labels) == 0 {
		return d.svg(c.Title, c.Says)
	}
	step := (d.across() - axis) / float64(len(c.Labels))
	for i := range c.Labels {
		c.stack(&d, i, axis+step*(float64(i)+0.15), step*0.7, y)
	}
	d.labels(c.Labels, axis, step, top+plotHeight+18)
	for _, s := range c.Lines {
		c.path(&d, s, step, y)
	}
	return d.svg(c.Title, c.Says)
}

// stack draws the boxes of one column.
func (c Columns) stack(d *drawing, i int, x, width float64, y func(float64) float64) {
	n := 0
	for _, way := range []struct {
		series []Series
		sign   float64
	}{{c.Up, 1}, {c.Down, -1}} {
		sum := 0.0
		for _, s := range way.series {
			v := max(0, s.at(i))
			from, to := y(way.sign*sum), y(way.sign*(sum+v))
			if v > 0 {
				d.rect(x, min(from, to), width, math.Abs(to-from), fills[n%len(fills)], fmt.Sprintf("%s: %s %s", c.Labels[i], c.text(v), s.Name))
			}
			sum += v
			n++
		}
	}
}

// path draws a line through the middles of the columns.
func (c Columns) path(d *drawing, s Series, step float64, y func(float64) float64) {
	var points []string
	for i := range c.Labels {
		if i < len(s.Values) && !math.IsNaN(s.Values[i]) && !math.IsInf(s.Values[i], 0) {
			points = append(points, num(c.axis()+step*(float64(i)+0.5))+","+num(y(s.Values[i])))
		}
	}
	if len(points) == 1 { // no line, but a place
		x, at, _ := strings.Cut(points[0], ",")
		fmt.Fprintf(&d.b, `<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="currentColor" stroke-width="8" stroke-linecap="round"/>`+"\n", x, at, x, at)
	}
	fmt.Fprintf(&d.b, `<polyline points="%s" fill="none" stroke="currentColor" stroke-width="2"%s><title>%s</title></polyline>`+"\n",
		strings.Join(points, " "), key{dashed: s.Dashed}.dashes(), plain(s.Name))
}

// span is from the least to the most that is drawn.
func (c Columns) span() (least, most float64) {
	for i := range c.Labels {
		up, down := 0.0, 0.0
		for _, s := range c.Up {
			up += max(0, s.at(i))
		}
		for _, s := range c.Down {
			down += max(0, s.at(i))
		}
		least, most = min(least, -down), max(most, up)
		for _, s := range c.Lines {
			least, most = min(least, s.at(i)), max(most, s.at(i))
		}
	}
	return least, most
}

func (c Columns) text(v float64) string {
	if c.Text != nil {
		return c.Text(v)
	}
	return Count(v)
}

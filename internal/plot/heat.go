package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Heat is a table whose cells are as dark as their share is high: cohorts by month.
type Heat struct {
	Title  string
	Says   string   // what it shows, in words
	Across []string // heads of the columns
	Rows   []HeatRow
	Narrow bool // for a narrow screen: Slim, and the last columns that have room there
}

// HeatRow is a row of a heat map; it may have fewer cells than there are columns.
type HeatRow struct {
	Label  string
	Beside string // a figure of the whole row
	Cells  []HeatCell
}

// HeatCell is a share, from 0 to 1, and what it says.
type HeatCell struct {
	Share float64
	Text  string
	Title string // for who points at it
}

// slimCell is how wide a cell is at least on a narrow screen.
const slimCell = 26.0

// newest is h with its last columns alone, at most so many.
func (h Heat) newest(most int) Heat {
	from := max(0, len(h.Across)-most)
	h.Across, h.Rows = h.Across[from:], slices.Clone(h.Rows)
	for i := range h.Rows {
		h.Rows[i].Cells = h.Rows[i].Cells[min(from, len(h.Rows[i].Cells)):]
	}
	return h
}

// dark is the share from which a cell's text is light.
const dark = 0.75

// depth is how opaque a cell of a share is. Between the two parts there is a step: on what
// lies between, neither dark nor light letters have a contrast of 4.5.
func depth(share float64) float64 {
	if share > dark {
		return 0.8 + 0.8*(share-dark)
	}
	return 0.06 + 0.8*share
}

// SVG draws it. The darkest cell is that of the highest share.
func (h Heat) SVG() string {
	d, boxes, words := drawing{width: slim(h.Narrow)}, strings.Builder{}, strings.Builder{}
	top := d.heading(h.Title, nil) + 10
	d.height = top + rowHeight*float64(len(h.Rows)) + 4
	most := 0.0
	for _, r := range h.Rows {
		for _, c := range r.Cells {
			if !math.IsNaN(c.Share) {
				most = max(most, min(1, c.Share))
			}
		}
	}
	label := 70.4 // room for what rows are called, as for a month
	for _, r := range h.Rows {
		label = min(max(label, wide(r.Label)), 180)
	}
	left := label + 57.6
	if h.Narrow {
		h = h.newest(int((Slim - left) / slimCell))
	}
	width := min(56, (d.across()-left)/float64(max(1, len(h.Across))))
	d.labels(h.Across, left, width, top-6)
	for n, r := range h.Rows {
		y := top + rowHeight*float64(n)
		d.text(0, y+16, "start", r.Label, label)
		d.text(left-8, y+16, "end", r.Beside, 57.6)
		for i, c := range r.Cells {
			share := 0.0
			if most > 0 && c.Share > 0 {
				share = min(1, c.Share) / most
			}
			x := left + width*float64(i)
			fmt.Fprintf(&boxes, `<rect x="%s" y="%s" width="%s" height="%s" fill-opacity="%.2f"><title>%s</title></rect>`+"\n",
				num(x), num(y), num(width-1), num(rowHeight-1), depth(share), plain(c.Title))
			if wide(c.Text) > width {
				continue
			}
			colour := ""
			if share > dark {
				colour = ` fill="#ffffff"`
			}
			fmt.Fprintf(&words, `<text x="%s" y="%s"%s>%s</text>`+"\n", num(x+(width-1)/2), num(y+16), colour, plain(c.Text))
		}
	}
	// A map has many cells: what all of them share is said once.
	fmt.Fprintf(&d.b, `<g fill="%s">`+"\n%s</g>\n<g text-anchor=\"middle\">\n%s</g>\n", shade, boxes.String(), words.String())
	return d.svg(h.Title, h.Says)
}

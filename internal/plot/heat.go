package plot

import (
	"fmt"
	"math"
)

// Heat is a table whose cells are as dark as their share is high: cohorts by month.
type Heat struct {
	Title  string
	Says   string   // what it shows, in words
	Across []string // heads of the columns
	Rows   []HeatRow
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

// dark is the share from which a cell's text is light.
const dark = 0.75

// SVG draws it. The darkest cell is that of the highest share.
func (h Heat) SVG() string {
	var d drawing
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
	width := min(56, (Width-left)/float64(max(1, len(h.Across))))
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
			fmt.Fprintf(&d.b, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s" fill-opacity="%.2f"><title>%s</title></rect>`+"\n",
				num(x), num(y), num(width-1), num(rowHeight-1), shade, 0.06+0.94*share, plain(c.Title))
			if wide(c.Text) > width {
				continue
			}
			colour := "currentColor"
			if share > dark {
				colour = "#ffffff"
			}
			fmt.Fprintf(&d.b, `<text x="%s" y="%s" text-anchor="middle" fill="%s">%s</text>`+"\n", num(x+(width-1)/2), num(y+16), colour, plain(c.Text))
		}
	}
	return d.svg(h.Title, h.Says)
}

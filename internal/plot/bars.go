package plot

import "math"

// Bars are figures that are compared, one below the other: what is sold most, where
// members are lost.
type Bars struct {
	Title string
	Says  string // what it shows, in words
	Rows  []Bar
}

// Bar is one of them.
type Bar struct {
	Label string
	Value float64 // below zero is drawn as zero
	Text  string  // the value in words, behind the bar
	Light bool    // beside the point: the rest, those left out
}

const rowHeight = 24.0

// SVG draws them.
func (b Bars) SVG() string {
	var d drawing
	top := d.heading(b.Title, nil)
	d.height = top + rowHeight*float64(len(b.Rows)) + 4
	most, label, behind := 0.0, 0.0, 0.0
	for _, r := range b.Rows {
		if !math.IsNaN(r.Value) && !math.IsInf(r.Value, 0) {
			most = max(most, r.Value)
		}
		label = max(label, 8+wide(r.Label))
		behind = max(behind, wide(r.Text))
	}
	label, behind = min(label, Width*0.35), min(behind, Width*0.25)
	room := Width - label - behind - 24
	for i, r := range b.Rows {
		y := top + rowHeight*float64(i)
		d.text(label, y+15, "end", r.Label, label)
		width := 0.0
		if most > 0 && r.Value > 0 {
			width = room * min(1, r.Value/most)
		}
		fill := fills[0]
		if r.Light {
			fill = fills[5]
		}
		d.rect(label+10, y+3, width, rowHeight-7, fill, r.Label+": "+r.Text)
		d.text(label+10+width+6, y+15, "start", r.Text, behind+8)
	}
	d.line(label+10, top, label+10, top+rowHeight*float64(len(b.Rows)), false)
	return d.svg(b.Title, b.Says)
}

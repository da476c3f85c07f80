package plot

import "math"

// Bars are figures that are compared, one below the other: what is sold most, where
// members are lost.
type Bars struct {
	Title string
	Says  string // what it shows, in words
	Rows  []Bar

	Narrow bool // for a narrow screen: Slim, and each is told above its bar
}

// Bar is one of them.
type Bar struct {
	Label string
	Value float64 // below zero is drawn as zero
	Text  string  // the value in words, behind the bar
	Light bool    // beside the point: the rest, those left out
}

const (
	rowHeight = 24.0
	tallRow   = 42.0 // with words above the bar
)

// SVG draws them.
func (b Bars) SVG() string {
	if b.Narrow {
		return b.slim()
	}
	var d drawing
	top := d.heading(b.Title, nil)
	d.height = top + rowHeight*float64(len(b.Rows)) + 4
	most, label, behind := b.most(), 0.0, 0.0
	for _, r := range b.Rows {
		label = max(label, 8+wide(r.Label))
		behind = max(behind, wide(r.Text))
	}
	label, behind = min(label, Width*0.35), min(behind, Width*0.25)
	room := Width - label - behind - 24
	for i, r := range b.Rows {
		y := top + rowHeight*float64(i)
		d.text(label, y+15, "end", r.Label, label)
		width := r.of(most, room)
		d.rect(label+10, y+3, width, rowHeight-7, r.fill(), r.Label+": "+r.Text)
		d.text(label+10+width+6, y+15, "start", r.Text, behind+8)
	}
	d.line(label+10, top, label+10, top+rowHeight*float64(len(b.Rows)), false)
	return d.svg(b.Title, b.Says)
}

// slim draws them for a narrow screen.
func (b Bars) slim() string {
	d := drawing{width: Slim}
	top := d.heading(b.Title, nil)
	d.height = top + tallRow*float64(len(b.Rows)) + 4
	behind := 0.0
	for _, r := range b.Rows {
		behind = max(behind, wide(r.Text))
	}
	behind = min(behind, Slim*0.6)
	for i, r := range b.Rows {
		y := top + tallRow*float64(i)
		width := r.of(b.most(), Slim-behind-14)
		d.text(0, y+13, "start", r.Label, Slim)
		d.rect(0, y+19, width, rowHeight-9, r.fill(), r.Label+": "+r.Text)
		d.text(width+6, y+31, "start", r.Text, behind+8)
	}
	return d.svg(b.Title, b.Says)
}

// most is the highest value.
func (b Bars) most() (most float64) {
	for _, r := range b.Rows {
		if !math.IsNaN(r.Value) && !math.IsInf(r.Value, 0) {
			most = max(most, r.Value)
		}
	}
	return most
}

// of is how long the bar is where the highest value has all the room.
func (r Bar) of(most, room float64) float64 {
	if most > 0 && r.Value > 0 {
		return room * min(1, r.Value/most)
	}
	return 0
}

func (r Bar) fill() string {
	if r.Light {
		return fills[5]
	}
	return fills[0]
}

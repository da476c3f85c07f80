package plot

import (
	"math"
)

// Intervals are figures that are known but for so much, one below the other: a point, and
// a bar from the lowest to the highest that it may well be, beside a line at zero.
type Intervals struct {
	Title string
	Says  string // what it shows, in words
	Rows  []Interval
	Ticks func(float64) string // how a value is written at the axis; nil: Count

	Narrow bool // for a narrow screen: Slim, and each is told above its bar
}

// Interval is one of them.
type Interval struct {
	Label            string
	Value, Low, High float64
	Text             string // the value in words, at the right
	Light            bool   // it may be nothing
}

// SVG draws them.
func (s Intervals) SVG() string {
	d := drawing{width: slim(s.Narrow)}
	top := d.heading(s.Title, nil)
	height, label, behind := rowHeight, 0.0, 0.0
	for _, r := range s.Rows {
		label, behind = max(label, 8+wide(r.Label)), max(behind, wide(r.Text))
	}
	label, behind = min(label, d.across()*0.3), min(behind, d.across()*0.3)
	if s.Narrow {
		height, label, behind = tallRow, 6, 6
	}
	bottom := top + height*float64(len(s.Rows))
	d.height = bottom + 22
	least, most := s.span()
	left, room := label+14, d.across()-label-behind-40
	x := func(v float64) float64 { return left + room*(v-least)/(most-least) }
	written := s.Ticks
	if written == nil {
		written = Count
	}
	for _, at := range []float64{least, 0, most} {
		d.line(x(at), top, x(at), bottom, at != 0)
		if at == 0 {
			d.text(x(at), bottom+16, "middle", "0", 0)
		} else if math.Abs(x(at)-x(0)) > wide(written(at))+12 {
			d.text(x(at), bottom+16, "middle", written(at), 0)
		}
	}
	for i, r := range s.Rows {
		y := top + height*float64(i)
		if s.Narrow {
			d.text(0, y+13, "start", r.Label, d.across()*0.6)
			d.text(d.across(), y+13, "end", r.Text, d.across()*0.4)
			y += tallRow - rowHeight
		} else {
			d.text(label, y+15, "end", r.Label, label)
			d.text(d.across(), y+15, "end", r.Text, behind+8)
		}
		fill := fills[0]
		if r.Light {
			fill = fills[5]
		}
		low, value, high := within(r.Low, least, most), within(r.Value, least, most), within(r.High, least, most)
		d.rect(x(low), y+8, x(high)-x(low), 7, fill, r.Label+": "+r.Text)
		d.rect(x(value)-1.5, y+3, 3, 17, shade, r.Label+": "+r.Text)
	}
	return d.svg(s.Title, s.Says)
}

// span is from the lowest to the highest value, zero among them.
func (s Intervals) span() (least, most float64) {
	for _, r := range s.Rows {
		for _, v := range []float64{r.Low, r.Value, r.High} {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	if least == most {
		most = least + 1
	}
	return least, most
}

// within is a value, at the edge if it is beyond it.
func within(v, least, most float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, least), most)
}

package plot

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Flow is who was in which part on one day, at the left, and is in which on another, at
// the right: bars as high as there are members, and ribbons between them.
type Flow struct {
	Title string
	Says  string // what it shows, in words
	From  string // the day at the left
	To    string // the day at the right
	Parts []FlowPart
	Moves []FlowMove // who stayed in a part among them

	Narrow bool // for a narrow screen: Slim, and parts are named at the right alone
}

// FlowPart is a part, with how many were in it and are.
type FlowPart struct {
	Name   string
	Before float64
	Now    float64
}

// FlowMove is how many went from one part to another, by their places among the parts.
type FlowMove struct {
	From, To int
	N        float64
}

const (
	flowHeight = 300.0
	flowGap    = 20.0 // between parts, so that the names of empty ones have room
	flowSide   = 170.0
	flowBar    = 12.0

	slimLeft  = 48.0 // room for figures alone
	slimRight = 150.0
)

// SVG draws it.
func (f Flow) SVG() string {
	d := drawing{width: slim(f.Narrow)}
	top := d.heading(f.Title, nil) + 18
	d.height = top + flowHeight + flowGap*float64(len(f.Parts)) + 4
	left, right := flowSide, d.across()-flowSide
	if f.Narrow {
		left, right = slimLeft, d.across()-slimRight
		d.text(0, top-8, "start", f.From, right-8)
	} else {
		d.text(left, top-8, "end", f.From, left)
	}
	d.text(right, top-8, "start", f.To, d.across()-right)
	before, now := make([]float64, len(f.Parts)), make([]float64, len(f.Parts))
	for i, p := range f.Parts {
		before[i], now[i] = amount(p.Before), amount(p.Now)
	}
	scale := flowHeight / max(1, sum(before), sum(now))
	fromY, toY := f.side(&d, before, top, scale, left-flowBar, left-flowBar-8, "end"), f.side(&d, now, top, scale, right, d.across()-right-flowBar-8, "start")
	moves := slices.SortedFunc(slices.Values(f.Moves), func(a, b FlowMove) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	for _, m := range moves {
		if m.From < 0 || m.To < 0 || m.From >= len(f.Parts) || m.To >= len(f.Parts) || amount(m.N) == 0 {
			continue
		}
		h := amount(m.N) * scale
		f.ribbon(&d, m, left, fromY[m.From], right, toY[m.To], h)
		fromY[m.From] += h
		toY[m.To] += h
	}
	return d.svg(f.Title, f.Says)
}

// side draws the bars of one day with their names, for which there is so much room, and
// returns where each begins.
func (f Flow) side(d *drawing, sizes []float64, top, scale, x, room float64, anchor string) (begins []float64) {
	y := top
	for i, p := range f.Parts {
		words := fmt.Sprintf("%s %s", p.Name, Count(sizes[i]))
		h := sizes[i] * scale
		d.rect(x, y, flowBar, max(h, 1), fills[i%len(fills)], words)
		at := x - 6
		if anchor == "start" {
			at = x + flowBar + 6
		} else if f.Narrow {
			words = Count(sizes[i])
		}
		d.text(at, y+max(h/2, 6)+4, anchor, words, room)
		begins = append(begins, y)
		y += h + flowGap
	}
	return begins
}

// ribbon draws who went from one part to another, in the colour of where they were.
func (f Flow) ribbon(d *drawing, m FlowMove, x1, y1, x2, y2, h float64) {
	opacity := "0.55"
	if m.From == m.To {
		opacity = "0.2"
	}
	fmt.Fprintf(&d.b, `<polyline points="%s,%s %s,%s %s,%s %s,%s" fill="%s" fill-opacity="%s"><title>%s</title></polyline>`+"\n",
		num(x1), num(y1), num(x2), num(y2), num(x2), num(y2+h), num(x1), num(y1+h), fills[m.From%len(fills)], opacity,
		plain(fmt.Sprintf("from %s to %s: %s", f.Parts[m.From].Name, f.Parts[m.To].Name, Count(m.N))))
}

// amount is a number of members; what is none is 0.
func amount(n float64) float64 {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return 0
	}
	return max(0, n)
}

func sum(values []float64) (all float64) {
	for _, v := range values {
		all += v
	}
	return all
}

package plot

import (
	"fmt"
	"math"
	"strings"
)

// Spark is the course of one figure in the size of a word, to stand beside it in a table.
type Spark struct {
	Says   string // what it shows, in words
	Values []float64
}

const (
	sparkWidth  = 120.0
	sparkHeight = 24.0
)

// SVG draws it, from the least of its values to the most. Nothing is drawn of fewer than
// two values, and one that is not a number is left out.
func (s Spark) SVG() string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range s.Values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	var points []string
	for i, v := range s.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		y := sparkHeight / 2
		if high > low {
			y = 2 + (sparkHeight-4)*(high-v)/(high-low)
		}
		points = append(points, num(2+(sparkWidth-4)*float64(i)/float64(max(1, len(s.Values)-1)))+","+num(y))
	}
	if len(points) < 2 {
		return ""
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="%s" width="%s" height="%s" viewBox="0 0 %s %s"><title>%s</title><polyline points="%s" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>`,
		plain(s.Says), num(sparkWidth), num(sparkHeight), num(sparkWidth), num(sparkHeight), plain(s.Says), strings.Join(points, " "))
}

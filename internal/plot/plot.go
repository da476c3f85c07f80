// Package plot draws figures as SVG: columns over time, rows of bars, intervals, a heat map, a calendar,
// nine places by two scores, who moved from one part to another. It is pure: values go in, a text comes out, the same for the same values.
//
// A drawing has a title and says in words what it shows (role img, title and desc), for
// who does not see it; whoever shows one puts the table of the same figures beside it.
// Everything is an attribute: no style, script, link or font is loaded, so that it stands
// in a page of a strict content security policy, in a mail and in a file. Lines and texts
// have the colour of the text around it; fills differ in lightness, so that they can be
// told apart in grey. Texts from outside are escaped and cut to what fits.
package plot

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Width is that of a drawing, in pixels of its own; it can be shown at any size. Slim is
// that of one for a narrow screen, where letters stay as large as words around it.
const (
	Width = 720
	Slim  = 340
)

// fills are the colours of series, by turns dark and light, so that those beside each other
// differ in grey. The dark ones stand out from a page by day and from one by night (3:1).
var fills = []string{"#3a7ca5", "#e09f3e", "#a9563f", "#80b5a5", "#727b8a", "#c9c5d8"}

// shade is the colour of what is as dark as it is much; words stand on it.
const shade = "#22577a"

const (
	fontSize = 12
	perRune  = 6.6 // what a letter takes at that size, about

	titleRune = 9.0 // the same of a title
)

// drawing is an SVG under way.
type drawing struct {
	b      strings.Builder
	width  float64 // 0: Width
	height float64
}

// across is how wide the drawing is.
func (d *drawing) across() float64 { return cmp.Or(d.width, Width) }

// slim is the width of a drawing for a narrow screen, or of any other.
func slim(narrow bool) float64 {
	if narrow {
		return Slim
	}
	return Width
}

// svg wraps what was drawn.
func (d *drawing) svg(title, says string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="%s" width="%s" height="%s" viewBox="0 0 %s %s" font-family="system-ui, sans-serif" font-size="%d" fill="currentColor"><title>%s</title><desc>%s</desc>`+"\n%s</svg>\n",
		plain(title), num(d.across()), num(d.height), num(d.across()), num(d.height), fontSize, plain(title), plain(says), d.b.String())
}

// text writes words at a place. anchor is start, middle or end; room is the width that
// they may take, 0 as much as they need.
func (d *drawing) text(x, y float64, anchor, words string, room float64) {
	shown := cut(words, room)
	if shown != words {
		fmt.Fprintf(&d.b, `<text x="%s" y="%s" text-anchor="%s">%s<title>%s</title></text>`+"\n", num(x), num(y), anchor, plain(shown), plain(words))
		return
	}
	fmt.Fprintf(&d.b, `<text x="%s" y="%s" text-anchor="%s">%s</text>`+"\n", num(x), num(y), anchor, plain(words))
}

// rect draws a filled box that tells its title to who points at it.
func (d *drawing) rect(x, y, width, height float64, fill, title string) {
	fmt.Fprintf(&d.b, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s"><title>%s</title></rect>`+"\n", num(x), num(y), num(max(0, width)), num(max(0, height)), fill, plain(title))
}

// line draws a thin line, faint where it only leads the eye.
func (d *drawing) line(x1, y1, x2, y2 float64, faint bool) {
	opacity := "0.6"
	if faint {
		opacity = "0.15"
	}
	fmt.Fprintf(&d.b, `<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="currentColor" stroke-opacity="%s"/>`+"\n", num(x1), num(y1), num(x2), num(y2), opacity)
}

// heading writes the title and the keys of series, and returns where the drawing goes on.
func (d *drawing) heading(title string, keys []key) (y float64) {
	y = 16
	for i, line := range lines(title, int(d.across()/titleRune), 2) {
		y = 16 + 19*float64(i)
		fmt.Fprintf(&d.b, `<text x="0" y="%s" font-size="15" font-weight="600">%s</text>`+"\n", num(y), plain(line))
	}
	if len(keys) == 0 {
		return y + 18
	}
	x := 0.0
	y += 20
	for _, k := range keys {
		room := 24 + wide(k.name)
		if x+room > d.across() && x > 0 {
			x, y = 0, y+18
		}
		if k.line {
			fmt.Fprintf(&d.b, `<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="currentColor" stroke-width="2"%s/>`+"\n", num(x), num(y-4), num(x+12), num(y-4), k.dashes())
		} else {
			d.rect(x, y-10, 12, 12, k.fill, k.name)
		}
		d.text(x+17, y, "start", k.name, 0)
		x += room + 12
	}
	return y + 18
}

// lines are words in lines of at most so many letters; what is more than so many lines is cut.
func lines(words string, letters, most int) (all []string) {
	for rest := []rune(words); ; {
		at := len(rest)
		if at > letters && len(all)+1 < most {
			at = letters
			for i := letters; i > letters/3; i-- {
				if rest[i] == ' ' {
					at = i
					break
				}
			}
		}
		all = append(all, cut(strings.TrimSpace(string(rest[:at])), float64(letters)*perRune))
		if rest = rest[at:]; len(rest) == 0 {
			return all
		}
	}
}

// key is how a series is drawn.
type key struct {
	name   string
	fill   string
	line   bool
	dashed bool
}

func (k key) dashes() string {
	if k.dashed {
		return ` stroke-dasharray="5 4"`
	}
	return ""
}

// num writes a coordinate: a tenth of a pixel is exact enough.
func num(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		x = 0
	}
	text := fmt.Sprintf("%.1f", x)
	text = strings.TrimSuffix(text, ".0")
	if text == "-0" {
		return "0"
	}
	return text
}

// plain is a text as XML takes it.
func plain(s string) string {
	s = strings.Map(func(c rune) rune {
		if c == utf8.RuneError || unicode.IsControl(c) || c == 0xFFFE || c == 0xFFFF {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, " "))
	return html.EscapeString(s)
}

// wide is what words take at the usual size, about: capitals are wider than other letters,
// and signs of Chinese, Japanese and Korean are square.
func wide(words string) (room float64) {
	for _, r := range words {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana):
			room += fontSize
		case unicode.IsUpper(r):
			room += 1.25 * perRune
		default:
			room += perRune
		}
	}
	return room
}

// labels writes what the steps of an axis are called, each in the middle of its own: all
// of them, or every so many, so that none touches another. The last one is always there;
// where it would reach over the edge it ends at it.
func (d *drawing) labels(names []string, left, step, y float64) {
	widest := 0.0
	for _, name := range names {
		widest = max(widest, wide(name))
	}
	every, free := max(1, int(math.Ceil((widest+perRune)/step))), d.across() // up to where nothing is written yet
	type place struct {
		x            float64
		anchor, name string
	}
	var written []place // from the right
	for i := len(names) - 1; i >= 0; i -= every {
		middle, half := left+step*(float64(i)+0.5), wide(names[i])/2
		last := i == len(names)-1
		switch {
		case last && middle+half > d.across():
			written, free = append(written, place{d.across(), "end", names[i]}), d.across()-2*half
		case last || middle+half+perRune <= free:
			written, free = append(written, place{middle, "middle", names[i]}), middle-half
		}
	}
	for _, w := range slices.Backward(written) {
		d.text(w.x, y, w.anchor, w.name, 0)
	}
}

// cut shortens words to a width; 0 leaves them.
func cut(words string, room float64) string {
	if room <= 0 || wide(words) <= room {
		return words
	}
	kept, used := 0, perRune // of the dots
	for i, r := range words {
		if used += wide(string(r)); used > room {
			break
		}
		kept = i + utf8.RuneLen(r)
	}
	return words[:kept] + "…"
}

// Count writes a number shortly, as it stands at an axis: 950, 12k, 3.4M.
func Count(v float64) string {
	for _, u := range []struct {
		size float64
		unit string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.size {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", v/u.size), ".0") + u.unit
		}
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
}

// ticks are the values at an axis that goes from the least to the most: multiples of 1, 2 or
// 5 by a power of ten, whole numbers, at most seven, with 0 among them.
func ticks(least, most float64) []float64 {
	least, most = min(0, least), max(0, most)
	span := most - least
	if span <= 0 || math.IsInf(span, 0) || math.IsNaN(span) {
		return []float64{0, 1}
	}
	step := max(1, math.Pow(10, math.Floor(math.Log10(span/5))))
	for _, by := range []float64{1, 2, 5, 10} {
		if span/(step*by) <= 5 {
			step *= by
			break
		}
	}
	var all []float64
	for n := math.Floor(least/step + 1e-9); ; n++ {
		all = append(all, n*step)
		if n*step >= most-step*1e-9 {
			return all
		}
	}
}

package plot

import (
	"fmt"
	"strings"
)

// Below is one drawing of several, one below the other: a page of figures as a file.
func Below(title, says string, drawings ...string) string {
	const between = 24
	d := drawing{}
	d.height = d.heading(title, nil)
	for _, svg := range drawings {
		var width, height float64
		_, size, _ := strings.Cut(svg, " width=")
		if n, err := fmt.Sscanf(size, `"%g" height="%g"`, &width, &height); n != 2 || err != nil {
			continue // no drawing of ours
		}
		fmt.Fprintf(&d.b, `<g transform="translate(0 %s)">%s</g>`+"\n", num(d.height), svg)
		d.height += height + between
	}
	return d.svg(title, says)
}

// Package look is how our pages look: the colours by day and by night, the letters and
// the headings that all of them share. What a page needs beyond that is its room's own.
package look

import _ "embed"

// Base is the style sheet that comes before a room's own.
//
//go:embed base.css
var Base string

package public_test

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	shared "regulars/internal/look"
)

// TestSwitchesAndBarsStandOut holds what is seen without being read to WCAG's 3:1,
// by day and by night.
func TestSwitchesAndBarsStandOut(t *testing.T) {
	t.Parallel()
	day, rest, _ := strings.Cut(shared.Base, "@media (prefers-color-scheme: dark)")
	night, _, _ := strings.Cut(rest, "\n}\n")
	for name, scheme := range map[string]string{"day": day, "night": night} {
		colours := map[string]string{}
		for _, found := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(scheme, -1) {
			colours[found[1]] = found[2]
		}
		for _, pair := range [][2]string{{"off", "paper"}, {"brand", "paper"}, {"knob", "off"}, {"knob", "brand"}, {"bar", "paper"}} {
			if got := contrast(t, colours[pair[0]], colours[pair[1]]); got < 3 {
				t.Errorf("by %s --%s on --%s has a contrast of %.2f, want 3", name, pair[0], pair[1], got)
			}
		}
	}
}

// contrast is that of two colours, as WCAG reckons it.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	light := func(colour string) (sum float64) {
		for i, weight := range []float64{.2126, .7152, .0722} {
			n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			c := float64(n) / 255
			if c <= .03928 {
				c /= 12.92
			} else {
				c = math.Pow((c+.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	x, y := light(a), light(b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

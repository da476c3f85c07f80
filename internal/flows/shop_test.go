package flows_test

import (
	"testing"

	"regulars/internal/shoptest"
)

// shop is a shop with a program, as the tests of this room look at it.
type shop struct{ *shoptest.Shop }

// each runs a test on both engines in a shop with that program in force.
func each(t *testing.T, p shoptest.Program, f func(t *testing.T, s *shop)) {
	shoptest.Each(t, p, func(t *testing.T, s *shoptest.Shop) { f(t, &shop{s}) })
}

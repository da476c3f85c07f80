package loyalty

import (
	"fmt"
	"strings"
	"time"
)

// Cap is a limit on mails of class offer per member: in no window of length Per
// lie more than N of them.
type Cap struct {
	N   int
	Per time.Duration
}

// MostCapped is the largest N of a cap: so many mails back does a member's row
// of recent mails remember.
const MostCapped = 10

// ParseCap reads "1 per 16h" or "3 per 7d".
func ParseCap(s string) (Cap, error) {
	words := strings.Fields(s)
	if len(words) != 3 || words[1] != "per" {
		if s == "off" || s == "none" {
			return Cap{}, fmt.Errorf("%q is not a cap like 1 per 16h or 3 per 7d: for no limit write caps: none", s)
		}
		return Cap{}, fmt.Errorf("%q is not a cap like 1 per 16h or 3 per 7d", s)
	}
	n, ok := digits(words[0], 4)
	switch {
	case !ok:
		return Cap{}, fmt.Errorf("%q is not a cap like 1 per 16h: %q is not a number of mails", s, words[0])
	case n == 0:
		return Cap{}, fmt.Errorf("%q would stop every offer: for no limit write caps: none", s)
	case n > MostCapped:
		return Cap{}, fmt.Errorf("%q is too many mails for a cap: at most %d", s, MostCapped)
	}
	per, err := ParseSpan(words[2])
	if err != nil {
		hint := ""
		if plain := inDays("1 " + words[2]); plain != "" {
			hint = ": write " + plain
		}
		return Cap{}, fmt.Errorf("%q is not a cap like 1 per 16h or 3 per 7d: %q is not a length of time%s", s, words[2], hint)
	}
	if per == 0 {
		return Cap{}, fmt.Errorf("%q has no length of time: write 1 per 16h", s)
	}
	return Cap{n, per}, nil
}

// String returns the cap as ParseCap reads it.
func (c Cap) String() string { return fmt.Sprintf("%d per %s", c.N, Span(c.Per)) }

// Free returns the first moment at or after now at which the cap lets a mail
// pass. Recent holds the member's mails, newest first; none and none are alike.
// A mail exactly Per ago no longer counts.
func (c Cap) Free(recent []Instant, now time.Time) time.Time {
	if c.N > len(recent) || recent[c.N-1].IsZero() {
		return now
	}
	if free := recent[c.N-1].Add(c.Per); free.After(now) {
		return free
	}
	return now
}

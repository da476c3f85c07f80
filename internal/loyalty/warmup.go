package loyalty

import (
	"fmt"
	"strconv"
	"strings"
)

// Warmup is how many mails a new sender hands over on each day of the shop, until
// mailbox providers know it. The zero Warmup has no limit.
type Warmup struct {
	From   Day   // the first day
	Start  int64 // mails on it
	Double int   // after so many days twice as many may go
	Until  int64 // from so many mails a day on there is no limit
}

// LimitOn returns how many mails may go on a day; false: there is no limit any more.
// Before the first day it is that of the first.
func (w Warmup) LimitOn(day Day) (mails int64, limited bool) {
	if w.Start <= 0 || w.Double <= 0 {
		return 0, false
	}
	mails = w.Start
	for d := w.From + Day(w.Double); d <= day && mails < w.Until; d += Day(w.Double) {
		mails *= 2
	}
	return mails, mails < w.Until
}

// LastDay returns the day on which the last of n mails goes that are to go from a day on,
// on which taken of its places are taken already, if nothing else goes.
func (w Warmup) LastDay(n int64, from Day, taken int64) Day {
	for day := from; ; day++ {
		limit, limited := w.LimitOn(day)
		if n -= max(0, limit-taken); !limited || n <= 0 {
			return day
		}
		taken = 0
	}
}

// String returns the warm-up in words.
func (w Warmup) String() string {
	if w == (Warmup{}) {
		return ""
	}
	return fmt.Sprintf("%s from %s on, twice as many %s, until %s", Daily(w.Start), w.From, Every(w.Double), Daily(w.Until))
}

// ParseDaily reads 500 a day.
func ParseDaily(s string) (int64, error) {
	number, per, _ := strings.Cut(s, " ")
	n, ok := digits(number, 9)
	if !ok || n == 0 || strings.TrimSpace(per) != "a day" {
		return 0, fmt.Errorf("%q is not a number of mails a day, like 500 a day", s)
	}
	return int64(n), nil
}

// Daily writes what ParseDaily reads; 0 is "".
func Daily(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10) + " a day"
}

// ParseEvery reads every day, or every 2 days.
func ParseEvery(s string) (days int, err error) {
	number, ok := strings.CutPrefix(s, "every ")
	if ok && number == "day" {
		return 1, nil
	}
	number, plural := strings.CutSuffix(number, " days")
	n, whole := digits(strings.TrimSpace(number), 3)
	if !ok || !plural || !whole || n == 0 {
		return 0, fmt.Errorf("%q does not say after how many days, like every 2 days", s)
	}
	return n, nil
}

// Every writes what ParseEvery reads; 0 is "".
func Every(days int) string {
	switch days {
	case 0:
		return ""
	case 1:
		return "every day"
	}
	return "every " + strconv.Itoa(days) + " days"
}

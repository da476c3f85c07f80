package loyalty

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Last, as a Nth or MonthDay, is the last of the month.
const Last = -1

// Schedule is a recurring date and time of day, without a zone. Of Weekdays and
// MonthDay one is set; Nth narrows Weekdays to one of each month.
type Schedule struct {
	Weekdays Weekdays
	Nth      int // 1 to 4 or Last: the 2nd tuesday; 0: each
	MonthDay int // 1 to 31 or Last; a month without it has it on its last day
	At       TimeOfDay
}

// Weekdays is a set of days of the week.
type Weekdays uint8

// The weekdays that have a name of their own.
const (
	EveryDay     Weekdays = 1<<7 - 1
	MondayFriday Weekdays = EveryDay &^ (1<<time.Saturday | 1<<time.Sunday)
)

// Has reports whether w is in the set.
func (s Weekdays) Has(w time.Weekday) bool { return s&(1<<w) != 0 }

// ParseSchedule reads day 08:00, weekday 08:00, monday,thursday 08:00,
// day 1 08:00, day last 08:00, 2nd tuesday 08:00 or last friday 08:00.
func ParseSchedule(text string) (Schedule, error) {
	words := strings.Fields(strings.ReplaceAll(strings.ToLower(text), ", ", ","))
	if len(words) < 2 || len(words) > 3 {
		return Schedule{}, fmt.Errorf("%q is not a timetable like monday 08:00, day 1 08:00 or 2nd tuesday 08:00", text)
	}
	at, err := ParseTimeOfDay(words[len(words)-1])
	if err != nil {
		return Schedule{}, fmt.Errorf("%q has no time: %w", text, err)
	}
	s, first, last := Schedule{At: at}, words[0], words[len(words)-2]
	if len(words) == 3 && first == "day" {
		n, ok := digits(last, 2)
		if last == "last" {
			n, ok = Last, true
		}
		if !ok || n == 0 || n > 31 {
			return Schedule{}, fmt.Errorf("%q is not a day of the month: 1 to 31, or last", last)
		}
		s.MonthDay = n
		return s, nil
	}
	if s.Weekdays, err = parseWeekdays(last, len(words) == 2); err != nil || len(words) == 2 {
		return s, err
	}
	if s.Nth = slices.Index(ordinals, first) + 1; first == "last" {
		s.Nth = Last
	} else if s.Nth == 0 {
		return Schedule{}, fmt.Errorf("%q does not count a %s of the month: 1st, 2nd, 3rd, 4th or last", first, last)
	}
	return s, nil
}

// ordinals are the ways to count a weekday in its month. There is no 5th: four
// months in five have none, and who writes it means the last.
var ordinals = []string{"1st", "2nd", "3rd", "4th"}

// parseWeekdays reads one day of the week, or where there may be several, these.
func parseWeekdays(text string, several bool) (set Weekdays, err error) {
	switch {
	case several && text == "day":
		return EveryDay, nil
	case several && text == "weekday":
		return MondayFriday, nil
	case !several:
		w, err := ParseWeekday(text)
		return 1 << w, err
	}
	for name := range strings.SplitSeq(text, ",") {
		w, err := ParseWeekday(name)
		if err != nil {
			return 0, err
		}
		set |= 1 << w
	}
	return set, nil
}

// ParseWeekday reads monday to sunday.
func ParseWeekday(name string) (time.Weekday, error) {
	short := strings.ToLower(strings.TrimSpace(name))
	var days []string
	meant := ""
	for w := time.Sunday; w <= time.Saturday; w++ {
		day := strings.ToLower(w.String())
		switch {
		case day == short:
			return w, nil
		case len(short) >= 2 && strings.HasPrefix(day, short):
			meant = day
		}
		days = append(days, day)
	}
	switch meant = cmp.Or(meant, Nearest(name, days)); {
	case meant != "":
		return 0, fmt.Errorf("%q is not a day of the week; did you mean %s?", name, meant)
	case name == "at":
		return 0, fmt.Errorf("%q does not stand before the time: write monday 08:00", name)
	case name == "month":
		return 0, fmt.Errorf("%q names no day: write day 1 08:00, or 2nd tuesday 08:00", name)
	}
	return 0, fmt.Errorf("%q is not a day of the week: monday, tuesday, wednesday, thursday, friday, saturday or sunday", name)
}

// String returns the schedule as ParseSchedule reads it.
func (s Schedule) String() string {
	date := s.Weekdays.String()
	switch {
	case s.MonthDay == Last:
		date = "day last"
	case s.MonthDay != 0:
		date = fmt.Sprintf("day %d", s.MonthDay)
	case s.Nth == Last:
		date = "last " + date
	case s.Nth != 0:
		date = ordinals[s.Nth-1] + " " + date
	}
	return date + " " + s.At.String()
}

// String returns day, weekday, or the names from monday on with commas between.
func (s Weekdays) String() string {
	switch s {
	case EveryDay:
		return "day"
	case MondayFriday:
		return "weekday"
	}
	var names []string
	for i := range 7 {
		if w := time.Weekday((i + 1) % 7); s.Has(w) {
			names = append(names, strings.ToLower(w.String()))
		}
	}
	return strings.Join(names, ",")
}

// On reports whether d is a date of the schedule.
func (s Schedule) On(d Day) bool {
	y, m, date := d.Civil()
	month := monthLength(y, m)
	switch {
	case s.MonthDay == Last:
		return date == month
	case s.MonthDay != 0: // of a month without it, its last day
		return date == min(s.MonthDay, month)
	case s.Nth == Last:
		return s.Weekdays.Has(d.Weekday()) && date > month-7
	}
	return s.Weekdays.Has(d.Weekday()) && (s.Nth == 0 || (date-1)/7+1 == s.Nth)
}

// After returns the first date of the schedule strictly after d. A timetable
// goes from date to date by it: then no date is left out and none comes twice,
// also where clocks or calendars jump. A schedule without any day has no next
// date: Never.
func (s Schedule) After(d Day) Day {
	for next := d + 1; next <= d+62; next++ { // every schedule has a date in two months
		if s.On(next) {
			return next
		}
	}
	return Never
}

// Before returns the last date of the schedule strictly before d.
func (s Schedule) Before(d Day) Day {
	for last := d - 1; last >= d-62; last-- {
		if s.On(last) {
			return last
		}
	}
	return -Never
}

// Never is later than any date of a timetable.
const Never Day = 1 << 40

// Next returns the first date of the schedule whose moment in zone lies strictly
// after t, and that moment. It is where a timetable begins, or begins anew.
func (s Schedule) Next(t time.Time, zone *time.Location) (Day, time.Time) {
	for d := s.After(DayOf(t, zone) - 3); d != Never; d = s.After(d) {
		if at := s.At.On(d, zone); at.After(t) {
			return d, at
		}
	}
	return Never, time.Time{}
}

// monthLength returns the number of days of a month.
func monthLength(y int, m time.Month) int {
	return time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

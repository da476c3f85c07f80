package importer

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// noon is when something of a day without a time is taken to have happened: the
// middle of the day stays on its date in nearly every zone.
const noon = 12

// Dates says what comes first in a date like 01/02/2027, which only the country
// of its writer tells, or that a number is a day as spreadsheets count them.
type Dates string

// The ways to write such a date; "" is none: it is refused.
const (
	DayFirst   Dates = "dmy"
	MonthFirst Dates = "mdy"
	Serial     Dates = "serial"
)

// ParseDates reads dmy, mdy or serial; "" is none.
func ParseDates(text string) (Dates, error) {
	if d := Dates(strings.ToLower(text)); d == "" || d == DayFirst || d == MonthFirst || d == Serial {
		return d, nil
	}
	return "", fmt.Errorf("%q is neither dmy, for 31/12/2027, nor mdy, for 12/31/2027, nor serial, for the 46752 of a spreadsheet", text)
}

// words say it of a column.
func (d Dates) words() string {
	switch d {
	case DayFirst:
		return "has the day first"
	case MonthFirst:
		return "has the month first"
	}
	return "counts days as spreadsheets do"
}

// clocks are what times of a file are read by.
type clocks struct {
	zone  *time.Location // of a time without an offset
	local *time.Location // the shop's, of a day without a time
	dates Dates
	names map[string]string // of zones, in lower case, as a system calls them; may be nil
}

// on are the clocks by which a field of the file is read.
func (r *reader) on(field string) clocks {
	c := r.clocks
	if told, ok := r.told[field]; ok && c.dates == "" {
		c.dates = told
	}
	if field == "birthday" && c.dates == "" && r.layout != nil {
		c.dates = r.layout.dates
	}
	return c
}

// The ways to write a day, each with what its groups are.
var days = []struct {
	form  *regexp.Regexp
	parts string // of y, m, d and M, a month's name; s: the country decides
}{
	{regexp.MustCompile(`^(\d{4})-(\d{1,2})-(\d{1,2})`), "ymd"},
	{regexp.MustCompile(`^(\d{4})/(\d{1,2})/(\d{1,2})`), "ymd"},
	{regexp.MustCompile(`^(\d{4})\.(\d{1,2})\.(\d{1,2})\.?`), "ymd"},
	{regexp.MustCompile(`^(\d{4})(\d{2})(\d{2})`), "ymd"},
	{regexp.MustCompile(`^(\d{1,2})\. ?(\d{1,2})\. ?(\d{4})`), "dmy"},
	{regexp.MustCompile(`^(\d{1,2})[/-](\d{1,2})[/-](\d{4})`), "s"},
	{regexp.MustCompile(`^(\d{1,2})\.?[ -]([A-Za-z]{3,9})\.?,?[ -](\d{4})`), "dMy"},
	{regexp.MustCompile(`^([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})`), "Mdy"},
}

var (
	weekday = regexp.MustCompile(`^(?i)(mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,? `)
	inWords = regexp.MustCompile(`(\[[\w/+-]+\]|\([^)]*\))$`)
	short   = regexp.MustCompile(`^(\d{1,2})[./-](\d{1,2})[./-](\d{2})((?:[T ,].*)?)$`)
	offset  = regexp.MustCompile(`^(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?(?: ?[A-Za-z]{2,5})?$`)
	serial  = regexp.MustCompile(`^\d{5}([.,]\d+)?$`)
)

// when reads a moment of a file. A date alone is that day of the shop; a time
// without an offset is one on the clocks of the file's zone. A date like 01/02/2027
// is read only where somebody says which of the two is the day.
func (c clocks) when(text string) (loyalty.Instant, error) {
	at, _, err := c.whenOrDay(text)
	return at, err
}

// whenOrDay returns beside the moment whether the text is a day without a time.
func (c clocks) whenOrDay(text string) (at loyalty.Instant, alone bool, err error) {
	rest := strings.Join(strings.Fields(text), " ")
	if !digital(rest) || strings.HasSuffix(rest, ")") || strings.HasSuffix(rest, "]") {
		rest = weekday.ReplaceAllString(strings.TrimSpace(inWords.ReplaceAllString(rest, "")), "")
	}
	day, rest, err := c.day(rest)
	if err != nil {
		return at, false, fmt.Errorf("%q %w", text, err)
	}
	if rest == "" {
		return loyalty.At(loyalty.Wall(day, noon, 0, c.local)), true, nil
	}
	past, zone, ok := loyalty.ReadTimeOfDay(strings.TrimLeft(rest, "Tt ,"))
	if !ok || rest == strings.TrimLeft(rest, "Tt ,") {
		return at, false, fmt.Errorf("%q %w", text, errMoment)
	}
	where, ok := c.location(zone, day)
	if !ok {
		return at, false, fmt.Errorf("%q ends in %q, which is no offset from UTC like Z or +02:00", text, zone)
	}
	wall := loyalty.Wall(day, int(past/time.Hour), int(past%time.Hour/time.Minute), where)
	return loyalty.At(wall.Add(past % time.Minute)), false, nil
}

// digital reports whether a text begins with a digit, and so names no day of the week.
func digital(text string) bool { return text != "" && text[0] >= '0' && text[0] <= '9' }

// standard reports whether a text begins like most dates of files, with a year and a
// hyphen: what comes first in it needs no expression to tell.
func standard(text string) bool {
	if len(text) < 5 || text[4] != '-' {
		return false
	}
	return !strings.ContainsFunc(text[:4], func(c rune) bool { return c < '0' || c > '9' })
}

// day reads the date that a text begins with.
func (c clocks) day(text string) (day loyalty.Day, rest string, err error) {
	if len(text) >= len(time.DateOnly) && standard(text) {
		if day, err := loyalty.ParseDay(text[:len(time.DateOnly)]); err == nil {
			return day, text[len(time.DateOnly):], nil
		}
	}
	for _, form := range days {
		found := form.form.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		parts := form.parts
		if parts == "s" {
			if parts = string(c.dates); parts == "" || c.dates == Serial {
				return 0, "", errEither
			}
		}
		part := map[rune]int{}
		for i, p := range parts {
			if p == 'M' {
				part['m'] = monthNamed(found[i+1])
			} else {
				part[p], _ = strconv.Atoi(found[i+1]) // digits
			}
		}
		day, err := loyalty.ParseDay(fmt.Sprintf("%04d-%02d-%02d", part['y'], part['m'], part['d']))
		if err != nil {
			return 0, "", errMoment
		}
		return day, text[len(found[0]):], nil
	}
	if serial.MatchString(text) {
		return c.serialDay(text)
	}
	if year, month, date, rest, ok := c.short(text); ok {
		day, err := loyalty.ParseDay(fmt.Sprintf("%04d-%02d-%02d", year, month, date))
		if err == nil {
			return day, rest, nil
		}
	} else if short.MatchString(text) {
		return 0, "", errEither
	}
	return 0, "", errMoment
}

// short reads a date whose year has two digits, where it is known what stands first:
// by itself 21/06/27 may also begin with its year. The century is that of POSIX's
// strptime: 69 to 99 are of the last one.
func (c clocks) short(text string) (year, month, date int, rest string, ok bool) {
	found := short.FindStringSubmatch(text)
	if found == nil || c.dates != DayFirst && c.dates != MonthFirst {
		return 0, 0, 0, "", false
	}
	date, _ = strconv.Atoi(found[1]) // digits
	month, _ = strconv.Atoi(found[2])
	year, _ = strconv.Atoi(found[3])
	if c.dates == MonthFirst {
		date, month = month, date
	}
	if year += 2000; year >= 2069 {
		year -= 100
	}
	return year, month, date, found[4], true
}

// epoch is the day that spreadsheets count as 0. Their day 60 is a 29th of February
// that 1900 did not have; nobody's orders are that old.
var epoch = loyalty.DayOf(time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC), time.UTC)

// serialDay reads a day as spreadsheets count them, with the time as its fraction.
func (c clocks) serialDay(text string) (loyalty.Day, string, error) {
	if c.dates != Serial {
		return 0, "", errSerial
	}
	n, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	if err != nil {
		return 0, "", errMoment
	}
	past := time.Duration((n - math.Floor(n)) * float64(24*time.Hour)).Round(time.Second)
	day := epoch + loyalty.Day(n)
	switch {
	case past == 24*time.Hour:
		return day + 1, "", nil
	case past == 0:
		return day, "", nil
	}
	return day, time.Time{}.Add(past).Format(" 15:04:05"), nil
}

var (
	errMoment = fmt.Errorf("is not a moment like 2026-11-22, 2026-11-22 10:00 or 2026-11-22T10:00:00Z")
	errEither = fmt.Errorf("may be two days: say --dates dmy where the day stands first, --dates mdy where the month does")
	errSerial = fmt.Errorf("is how a spreadsheet counts days: say --dates serial where all of the file's are, or give the column the format of a date, like 2026-11-22, and export it anew")
)

// location returns whose clocks a time was read on: an offset, a zone's name, or
// the letters that stand on the clocks of our own zone.
func (c clocks) location(zone string, day loyalty.Day) (*time.Location, bool) {
	if found := offset.FindStringSubmatch(zone); found != nil {
		hours, _ := strconv.Atoi(found[2])
		minutes, _ := strconv.Atoi("0" + found[3])
		seconds := hours*3600 + minutes*60
		if found[1] == "-" {
			seconds = -seconds
		}
		return time.FixedZone("", seconds), hours <= 15 && minutes < 60
	}
	switch strings.ToUpper(zone) {
	case "":
		return c.zone, true
	case "Z", "UTC", "GMT", "UT":
		return time.UTC, true
	}
	if name, ok := c.names[strings.ToLower(zone)]; ok {
		zone = name
	}
	for _, month := range []loyalty.Day{day, day + 182} { // both clocks of the year
		if name, _ := loyalty.Wall(month, noon, 0, c.zone).Zone(); name == zone {
			_, seconds := loyalty.Wall(month, noon, 0, c.zone).Zone()
			return time.FixedZone(zone, seconds), true
		}
	}
	if strings.Contains(zone, "/") {
		if at, err := loyalty.ParseZone(zone); err == nil {
			return at, true
		}
	}
	return nil, false
}

// monthNamed returns the month of an English name, in full or of three letters; 0
// for none.
func monthNamed(name string) int {
	return 1 + slices.IndexFunc([]time.Month{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, func(m time.Month) bool {
		return strings.EqualFold(name, m.String()) || strings.EqualFold(name, m.String()[:3]) || m == time.September && strings.EqualFold(name, "sept")
	})
}

// birthday brings a birthday into the form in which we keep it, 1980-02-28 or
// --02-28. One whose year has two digits has no century. What is none stays as it is,
// for the check to say so.
func (c clocks) birthday(text string) string {
	if _, month, date, rest, ok := c.short(text); ok && rest == "" {
		return fmt.Sprintf("--%02d-%02d", month, date)
	}
	if day, rest, err := c.day(text); err == nil && (rest == "" || strings.Trim(rest, "T0:.Z ") == "") {
		return day.String()
	}
	found := yearless.FindStringSubmatch(text)
	if found == nil {
		return text
	}
	day, _ := strconv.Atoi(found[1])
	month, _ := strconv.Atoi(found[3])
	switch {
	case found[2] == ".":
	case c.dates == MonthFirst:
		day, month = month, day
	case c.dates != DayFirst:
		return text
	}
	if month > 12 {
		return text
	}
	return fmt.Sprintf("--%02d-%02d", month, day)
}

var slashed = regexp.MustCompile(`^\d{1,2}[/-]\d{1,2}([/-]\d{4})?$`)

var yearless = regexp.MustCompile(`^(\d{1,2})([./-])(\d{1,2})\.?$`)

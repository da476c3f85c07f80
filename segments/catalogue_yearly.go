package segments

import (
	"fmt"

	"regulars/internal/loyalty"
)

// yearlyFields are about birthdays and anniversaries. 29 February is kept on the
// 28th of other years.
func yearlyFields() []*entry {
	return []*entry{
		{name: "birthday_in", typ: Bool, window: true, spanned: true, ahead: true, from: fromMember,
			noun: "has a birthday in the next days, today included", says: "who have their birthday",
			also: []string{"birthday", "has_birthday", "days_until_birthday", "next_birthday"},
			in:   yearly{kept: "f.birthday"}},
		{name: "had_birthday", typ: Bool, window: true, spanned: true, from: fromMember,
			noun: "had a birthday in the last days, today included", says: "who had their birthday",
			also: []string{"birthday_was", "days_since_birthday", "last_birthday"},
			in:   yearly{kept: "f.birthday"}},
		{name: "age", typ: Number, from: fromMember,
			noun: "age in years; nothing where the year of birth is unknown", says: "who are {n} old", unit: "year",
			also: []string{"years_old", "birth_year", "year_of_birth"},
			in:   formula{expr: ageSQL}},
		{name: "joined_anniversary_in", typ: Bool, window: true, spanned: true, ahead: true, from: fromMember,
			noun: "joined the program some whole years before one of the next days, today included", says: "whose anniversary of joining is",
			also: []string{"anniversary", "anniversary_in", "membership_anniversary", "joined_anniversary"},
			in:   yearly{since: "f.joined_day"}},
		{name: "had_joined_anniversary", typ: Bool, window: true, spanned: true, from: fromMember,
			noun: "joined the program some whole years before one of the last days, today included", says: "whose anniversary of joining was",
			also: []string{"anniversary_was", "had_anniversary"},
			in:   yearly{since: "f.joined_day"}},
	}
}

// yearly is true for whom a day that comes every year is kept in the time span,
// which is no longer than a year.
type yearly struct {
	kept  string // the column that has it as month * 100 + date
	since string // or the column of the day that it comes back to; the day itself is no anniversary
}

func (r yearly) span(c *call, today loyalty.Day) (first, last loyalty.Day) {
	if c.ahead {
		return c.comes(today)
	}
	return c.window.past(today)
}

// is asks for a stretch of the year, or for its two ends around New Year.
func (r yearly) is(b *builder, c *call, _ string, _ []value) string {
	first, last := r.span(c, b.q.Day)
	if first > last {
		return "false"
	}
	kept, known := r.kept, r.kept+" is not null"
	if r.since != "" {
		kept = r.dateOf(b)
		known = "(" + r.since + " is not null and " + r.since + " < " + b.bind(int64(first)) + ")"
	}
	word := "and"
	if from, to := yearday(first, false), yearday(last, true); from > to || from == to && last > first {
		word = "or"
	}
	from, to := b.bind(yearday(first, false)), b.bind(yearday(last, true))
	return fmt.Sprintf("(%s and (%s >= %s %s %s <= %s))", known, kept, from, word, kept, to)
}

func (yearly) scalar(*builder, *call) string { return "" }

// yearday is the place of a day in the year, month * 100 + date. As the end of a
// stretch the 28th of February stands for the 29th that the year lacks.
func yearday(d loyalty.Day, end bool) int64 {
	days := loyalty.Keeping(d)
	k := days[0]
	if end {
		k = days[len(days)-1]
	}
	return int64(k.Month)*100 + int64(k.Date)
}

// dateOf is the day since as month * 100 + date.
func (r yearly) dateOf(b *builder) string {
	if b.postgres() {
		return "cast(to_char(date '1970-01-01' + cast(" + r.since + " as integer), 'MMDD') as integer)"
	}
	return "cast(strftime('%m%d', " + r.since + " * 86400, 'unixepoch') as integer)"
}

func ageSQL(b *builder, _ *call) string {
	year, _, _ := b.q.Day.Civil()
	return "(" + b.bind(int64(year)) + " - f.birth_year - case when f.birthday > " + b.bind(yearday(b.q.Day, true)) + " then 1 when f.birthday is not null then 0 end)"
}

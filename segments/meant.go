package segments

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"regulars/internal/loyalty"
)

// What people write for numbers, time spans and days out of habit, and how it is
// written here. Nothing of this is accepted: it makes the message say what to
// type instead, and a rule then means one thing only.

var amountForm = regexp.MustCompile(`^\s*[^0-9.,\s-]{0,5}\s*([0-9][0-9.,' \x{a0}\x{202f}]*)\s*(?:[^0-9]{0,12})$`)

// amountMeant finds the number in 1,000.50, 59,90 and €59, or "".
func amountMeant(s string) string {
	m := amountForm.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	n := strings.Trim(strings.NewReplacer(" ", "", "'", "", "\u00a0", "", "\u202f", "").Replace(m[1]), ".,")
	comma, point := strings.LastIndexByte(n, ','), strings.LastIndexByte(n, '.')
	switch last := max(comma, point); {
	case last < 0:
	case comma >= 0 && point >= 0, strings.Count(n, n[last:last+1]) > 1 && len(n)-last == 4:
		n = plainDigits(n[:last], n[last] == ',' && comma >= 0 && point < 0 || n[last] == '.' && comma < 0, n[last+1:])
	case comma >= 0 && len(n)-comma == 4: // 1,000
		n = plainDigits(n[:last], true, n[last+1:])
	default:
		n = plainDigits(n[:last], false, n[last+1:])
	}
	if !plainNumber.MatchString(n) {
		return ""
	}
	return n
}

// plainDigits joins what stands before and after the last separator, which is
// one of thousands or of decimals.
func plainDigits(before string, thousands bool, after string) string {
	before = strings.NewReplacer(",", "", ".", "").Replace(before)
	if thousands {
		return before + after
	}
	return before + "." + after
}

var spanHabit = regexp.MustCompile(`(?i)^\s*(?:(?:in\s+)?(?:the\s+)?(?:last|past|within)\s+|-)?([0-9]{1,6})\s*(d|days?|w|weeks?|wks?|m|mo|months?|y|yrs?|years?)(?:\s+ago)?\s*$`)

// spanMeant returns a time span as rules write it, 90d for "last 90 days", or "".
func spanMeant(s string) string {
	m := spanHabit.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	span := strings.TrimLeft(m[1], "0") + strings.ToLower(m[2][:1])
	if _, err := parseWindow(span); err != nil {
		return ""
	}
	return span
}

// daysMeant returns a time span as a number of days, or "". A month is 30 days
// and a year 365 to those who write one where days are counted.
func daysMeant(s string) string {
	span := spanMeant(s)
	if span == "" {
		return ""
	}
	n, _ := strconv.Atoi(span[:len(span)-1])
	return strconv.Itoa(n * map[byte]int{'d': 1, 'w': 7, 'm': 30, 'y': 365}[span[len(span)-1]])
}

var (
	yearFirst = regexp.MustCompile(`^([0-9]{4})[-./]([0-9]{1,2})[-./]([0-9]{1,2})(?:[T ].*)?$`)
	yearLast  = regexp.MustCompile(`^([0-9]{1,2})([-./])([0-9]{1,2})[-./]([0-9]{4})$`)
	together  = regexp.MustCompile(`^([0-9]{4})([0-9]{2})([0-9]{2})$`)
	weekForm  = regexp.MustCompile(`^([0-9]{4})-?W([0-9]{2})(?:-?([1-7]))?$`)
	bareDate  = regexp.MustCompile(`^(?:[0-9]{4}-W[0-9]{2}(?:-[1-7])?|[0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2}|[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{4})`)
)

// dayMeant returns a day as rules write it, or "" if there is none or it may be
// one of two.
func dayMeant(s string) string {
	s = strings.TrimSpace(s)
	if m := yearFirst.FindStringSubmatch(s); m != nil {
		return dayOf(m[1], m[2], m[3])
	}
	if m := together.FindStringSubmatch(s); m != nil {
		return dayOf(m[1], m[2], m[3])
	}
	if m := yearLast.FindStringSubmatch(s); m != nil {
		a, _ := strconv.Atoi(m[1])
		b, _ := strconv.Atoi(m[3])
		switch {
		case m[2] == "." || a > 12 || a == b: // with points the day comes first, everywhere
			return dayOf(m[4], m[3], m[1])
		case b > 12:
			return dayOf(m[4], m[1], m[3])
		}
		return ""
	}
	if m := weekForm.FindStringSubmatch(s); m != nil {
		return dayOfWeek(m[1], m[2], m[3])
	}
	for _, layout := range []string{"January 2, 2006", "January 2 2006", "2 January 2006", "Jan 2, 2006", "2 Jan 2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format(time.DateOnly)
		}
	}
	return ""
}

func dayOf(year, month, day string) string {
	d := fmt.Sprintf("%s-%02s-%02s", year, month, day)
	if _, err := loyalty.ParseDay(d); err != nil {
		return ""
	}
	return d
}

// dayOfWeek returns a day of an ISO week, its Monday if none is named.
func dayOfWeek(year, week, day string) string {
	y, _ := strconv.Atoi(year)
	w, _ := strconv.Atoi(week)
	if w < 1 || w > 53 {
		return ""
	}
	n := 1
	if day != "" {
		n = int(day[0] - '0')
	}
	jan4 := time.Date(y, 1, 4, 0, 0, 0, 0, time.UTC) // lies in week 1
	monday := jan4.AddDate(0, 0, 1-(int(jan4.Weekday())+6)%7-1)
	return monday.AddDate(0, 0, 7*(w-1)+n-1).Format(time.DateOnly)
}

// lookalikes are letters of other alphabets that cannot be told from ours.
var lookalikes = map[rune]rune{
	'а': 'a', 'е': 'e', 'о': 'o', 'р': 'p', 'с': 'c', 'у': 'y', 'х': 'x', 'і': 'i', 'ѕ': 's', 'ј': 'j', 'ԁ': 'd', 'һ': 'h', 'ԛ': 'q', 'ѵ': 'v',
	'А': 'A', 'В': 'B', 'Е': 'E', 'К': 'K', 'М': 'M', 'Н': 'H', 'О': 'O', 'Р': 'P', 'С': 'C', 'Т': 'T', 'Х': 'X', 'І': 'I', 'Ѕ': 'S',
	'α': 'a', 'ο': 'o', 'ν': 'v', 'ι': 'i', 'ρ': 'p', 'υ': 'u', 'ε': 'e', 'ı': 'i', 'ɡ': 'g', 'ɑ': 'a',
}

// latin returns a word with our letters for those that look alike.
func latin(word string) string {
	return strings.Map(func(c rune) rune {
		if c >= 0xff01 && c <= 0xff5e { // wide forms
			return c - 0xfee0
		}
		if ours, ok := lookalikes[c]; ok {
			return ours
		}
		return c
	}, word)
}

// currencyWord reports whether a word names a currency.
func currencyWord(word string) bool {
	switch strings.ToLower(word) {
	case "eur", "euro", "euros", "usd", "dollar", "dollars", "gbp", "pound", "pounds", "sek", "nok", "dkk", "kr", "chf", "fr", "pln", "mkd", "den", "twd", "nt":
		return true
	}
	return false
}

package importer

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestWhen(t *testing.T) {
	t.Parallel()
	helsinki, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text, want string
		dates            Dates
	}{
		{"a date is that day of the shop", "2027-06-21", "2027-06-21T16:00:00Z", ""},
		{"a date without dashes, too", "20270621", "2027-06-21T16:00:00Z", ""},
		{"a time is one on the clocks of the zone", "2027-06-21 09:00", "2027-06-21T06:00:00Z", ""},
		{"with seconds and a T", "2027-06-21T09:00:01", "2027-06-21T06:00:01Z", ""},
		{"with a fraction", "2027-06-21 09:00:01.25", "2027-06-21T06:00:01.25Z", ""},
		{"an offset says it all", "2027-06-21T09:00:00+05:30", "2027-06-21T03:30:00Z", ""},
		{"in words of a database", "2027-06-21 09:00:00 +0000 UTC", "2027-06-21T09:00:00Z", ""},
		{"and of another", "2027-06-21 09:00:00.5+02", "2027-06-21T07:00:00.5Z", ""},
		{"Zulu", "2017-01-28T19:06:53Z", "2017-01-28T19:06:53Z", ""},
		{"the hour that spring leaves out", "2027-03-28 03:30", "2027-03-28T01:00:00Z", ""},
		{"the hour that autumn has twice", "2027-10-31 03:30", "2027-10-31T00:30:00Z", ""},
		{"a day that there is not", "2027-02-30", "", ""},
		{"the day or the month first", "01/02/2027", "", ""},
		{"UTC in letters", "2027-06-21 09:00:00 UTC", "2027-06-21T09:00:00Z", ""},
		{"GMT in letters", "2027-06-21 09:00 GMT", "2027-06-21T09:00:00Z", ""},
		{"an offset after UTC", "2027-06-21 09:00 UTC+3", "2027-06-21T06:00:00Z", ""},
		{"slashes, the year first", "2027/06/21 09:00", "2027-06-21T06:00:00Z", ""},
		{"slashes and a T", "2027/6/1T9:00:01Z", "2027-06-01T09:00:01Z", ""},
		{"points, the year first", "2027.06.21 09:00", "2027-06-21T06:00:00Z", ""},
		{"points, the day first", "21.06.2027 09:00", "2027-06-21T06:00:00Z", ""},
		{"a day alone with points", "1.6.2027", "2027-06-01T16:00:00Z", ""},
		{"a space before the offset", "2027-06-21 09:00:00 +0000", "2027-06-21T09:00:00Z", ""},
		{"minutes and a space before the offset", "2027-06-21 09:00 +03:00", "2027-06-21T06:00:00Z", ""},
		{"without signs between", "20270621T090000Z", "2027-06-21T09:00:00Z", ""},
		{"of a mail", "Mon, 21 Jun 2027 09:00:00 +0300", "2027-06-21T06:00:00Z", ""},
		{"of a browser", "Mon Jun 21 2027 09:00:00 GMT+0300 (Eastern European Summer Time)", "2027-06-21T06:00:00Z", ""},
		{"of Java", "2027-06-21T09:00:00+03:00[Europe/Helsinki]", "2027-06-21T06:00:00Z", ""},
		{"a zone's name", "2027-06-21 09:00 America/New_York", "2027-06-21T13:00:00Z", ""},
		{"the letters on the zone's own clocks", "2027-06-21 09:00 EEST", "2027-06-21T06:00:00Z", ""},
		{"letters of another zone", "2027-06-21 09:00 PST", "", ""},
		{"half days", "21 June 2027 9:05 PM", "2027-06-21T18:05:00Z", ""},
		{"noon by half days", "2027-06-21 12:00 p.m.", "2027-06-21T09:00:00Z", ""},
		{"a narrow space", "2027-06-21\u202f09:00", "2027-06-21T06:00:00Z", ""},
		{"more spaces than one", " 2027-06-21   09:00 ", "2027-06-21T06:00:00Z", ""},
		{"the day first, as is said", "01/02/2027 09:00", "2027-02-01T07:00:00Z", DayFirst},
		{"the month first, as is said", "01/02/2027", "2027-01-02T17:00:00Z", MonthFirst},
		{"a month that there is not", "13/02/2027", "", MonthFirst},
		{"a spreadsheet's number of a day", "46380", "", ""},
		{"a year of two digits", "21.06.27", "", ""},
		{"a year of two digits, the day first as is said", "21.06.27 09:00", "2027-06-21T06:00:00Z", DayFirst},
		{"a year of two digits of the last century", "06/21/98", "1998-06-21T16:00:00Z", MonthFirst},
		{"a year of three digits", "21.06.270", "", DayFirst},
		{"a time that there is not", "2027-06-21 25:00", "", ""},
		{"more behind it", "2027-06-21 09:00 or so", "", ""},
		{"nothing", "", "", ""},
	}
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		at, err := clocks{zone: helsinki, local: newYork, dates: tt.dates}.when(tt.text)
		got := ""
		if err == nil {
			got = at.Format(time.RFC3339Nano)
		}
		if got != tt.want {
			t.Errorf("%s: when(%q) = %s, %v, want %s", tt.name, tt.text, got, err, tt.want)
		}
	}
}

func FuzzTable(f *testing.F) {
	for _, seed := range []string{
		"order,member\nO-1,M-1\n", "\ufefforder;member\r\nO-1;\"M\r\n-1\"\r\n", "a\tb\n\n1\t2\t3\n", "\"a", "a,b\n\"1\n2,3\n", "a\n\"x\"y\nz\n",
		"\x1f\x8b\x08", "\xff\xfea", "a,b\n1,\xff\n", ",,,\n,,,\n", "a,a\n1,2",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := readTable(bytes.NewReader(data), "")
		if err != nil {
			return
		}
		if _, err := mapColumns("orders", s.header, nil, nil, nil, nil); err != nil && !strings.Contains(err.Error(), "two columns") {
			t.Errorf("mapColumns(%q) = %v", s.header, err)
		}
		last, n := 0, 0
		for {
			r, err := s.next()
			var bad *badRow
			if err == io.EOF {
				return
			}
			if err != nil && !errors.As(err, &bad) {
				return
			}
			if n++; r.n != n || r.line <= last || r.line > 1+strings.Count(string(data), "\n")+strings.Count(string(data), "\r") && !bytes.HasPrefix(data, []byte{0x1f}) {
				t.Fatalf("row %d stands in line %d after line %d, in %q", r.n, r.line, last, data)
			}
			if last = r.line; err != nil {
				continue
			}
			for _, v := range r.fields {
				if !utf8.ValidString(v) {
					t.Fatalf("row %d has %q, in %q", r.n, v, data)
				}
			}
		}
	})
}

package intake

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
	tests := []struct{ name, text, want string }{
		{"a date is that day of the shop", "2027-06-21", "2027-06-21T16:00:00Z"},
		{"a date without dashes, too", "20270621", "2027-06-21T16:00:00Z"},
		{"a time is one on the clocks of the zone", "2027-06-21 09:00", "2027-06-21T06:00:00Z"},
		{"with seconds and a T", "2027-06-21T09:00:01", "2027-06-21T06:00:01Z"},
		{"with a fraction", "2027-06-21 09:00:01.25", "2027-06-21T06:00:01.25Z"},
		{"an offset says it all", "2027-06-21T09:00:00+05:30", "2027-06-21T03:30:00Z"},
		{"in words of a database", "2027-06-21 09:00:00 +0000 UTC", "2027-06-21T09:00:00Z"},
		{"and of another", "2027-06-21 09:00:00.5+02", "2027-06-21T07:00:00.5Z"},
		{"Zulu", "2017-01-28T19:06:53Z", "2017-01-28T19:06:53Z"},
		{"the hour that spring leaves out", "2027-03-28 03:30", "2027-03-28T01:00:00Z"},
		{"the hour that autumn has twice", "2027-10-31 03:30", "2027-10-31T00:30:00Z"},
		{"a day that there is not", "2027-02-30", ""},
		{"the day or the month first", "01/02/2027", ""},
		{"nothing", "", ""},
	}
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		at, err := when(tt.text, helsinki, newYork)
		got := ""
		if err == nil {
			got = at.Format(time.RFC3339Nano)
		}
		if got != tt.want {
			t.Errorf("%s: when(%q) = %s, %v, want %s", tt.name, tt.text, got, err, tt.want)
		}
	}
}

func FuzzSheet(f *testing.F) {
	for _, seed := range []string{
		"order,member\nO-1,M-1\n", "\ufefforder;member\r\nO-1;\"M\r\n-1\"\r\n", "a\tb\n\n1\t2\t3\n", "\"a", "a,b\n\"1\n2,3\n", "a\n\"x\"y\nz\n",
		"\x1f\x8b\x08", "\xff\xfea", "a,b\n1,\xff\n", ",,,\n,,,\n", "a,a\n1,2",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := readSheet(bytes.NewReader(data))
		if err != nil {
			return
		}
		if _, err := mapColumns("orders", s.header, nil, nil); err != nil {
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

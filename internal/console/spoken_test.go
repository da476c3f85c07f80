package console

import (
	"testing"
	"time"
)

func TestSentencesForTerminalsReadAsPagesDo(t *testing.T) {
	t.Parallel()
	f := frame{words: newPages().words, currency: "EUR", zone: time.UTC}
	for _, tt := range []struct{ what, text, want string }{
		{"who did it, in the console", "campaign welcome is held by console: ana@shop.example: a typo", "campaign welcome is held by ana@shop.example: a typo"},
		{"a moment", "the next date is 2026-12-03 08:00", "the next date is 3 Dec 2026, 08:00"},
		{"a day", "known of mails from 2024-10-30 on", "known of mails from 30 Oct 2024 on"},
		{"a month", "2026-11", "Nov 2026"},
		{"what only looks like a day", "order 2026-99-45 of it", "order 2026-99-45 of it"},
		{"an amount of the shop", "5.00 EUR off, at least 1250.00 EUR", "€5.00 off, at least €1,250.00"},
		{"one of another currency", "5.00 USD off", "5.00 USD off"},
		{"counts", "12345 members, 1234 of 4321 mails, 999 codes", "12,345 members, 1,234 of 4,321 mails, 999 codes"},
		{"a year and a number of an order", "in 2026 order 1001 came", "in 2026 order 1001 came"},
		{"spans", "1 per 16h, 3 per 7d, after 1d", "1 per 16 hours, 3 per 7 days, after 1 day"},
		{"what ends like a span", "C-16h7 of pool 3dots", "C-16h7 of pool 3dots"},
		{"a day of the week", "every thursday 08:00", "every Thursday 08:00"},
	} {
		if got := f.Spoken(tt.text); got != tt.want {
			t.Errorf("%s: Spoken(%q) = %q, want %q", tt.what, tt.text, got, tt.want)
		}
	}
}

func TestNumbersOfPagesHaveMarkedThousands(t *testing.T) {
	t.Parallel()
	words := newPages().words
	for n, want := range map[int64]string{0: "0", 999: "999", 1029: "1,029", -1029: "−1,029", 1234567: "1,234,567"} {
		if got := words.Number(n); got != want {
			t.Errorf("Number(%d) = %q, want %q", n, got, want)
		}
	}
	if got := (frame{words: words}).numbered(1490); got != "Member 1490" {
		t.Errorf("a member's number reads %q", got)
	}
}

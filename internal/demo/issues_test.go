package demo

import (
	"strings"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/templates"
)

func TestOnlyJanuaryWishesAGoodNewYear(t *testing.T) {
	t.Parallel()
	files, err := templates.Starter()
	if err != nil {
		t.Fatal(err)
	}
	text := files["campaigns/newsletter/issues/2027-01-07.en.md"]
	if !strings.Contains(strings.ToLower(text), "new year") {
		t.Fatal("the library's issue has changed: see what the demo makes of it")
	}
	for month := time.January; month <= time.December; month++ {
		got := issueOf(text, loyalty.DayOf(time.Date(2026, month, 14, 12, 0, 0, 0, time.UTC), time.UTC))
		if wishes := strings.Contains(strings.ToLower(got), "new year"); wishes != (month == time.January) {
			t.Errorf("the issue of %s wishes a good new year: %v\n%s", month, wishes, got)
		}
		if month != time.January && strings.Contains(got, "January") != (month == time.December) {
			t.Errorf("the issue of %s speaks of January:\n%s", month, got)
		}
		if strings.Contains(got, "2027") {
			t.Errorf("the issue of %s names another date:\n%s", month, got)
		}
	}
}

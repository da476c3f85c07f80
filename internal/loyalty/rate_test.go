package loyalty

import (
	"testing"
	"time"
)

func TestARateIsReadAndWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in    string
		want  Rate
		words string
	}{
		{"100/s", Rate{100, time.Second}, "100 per second"},
		{"5000/minute", Rate{5000, time.Minute}, "5000 per minute"},
		{" 20000/h ", Rate{20000, time.Hour}, "20000 per hour"},
	} {
		got, err := ParseRate(tt.in)
		if err != nil || got != tt.want || got.String() != tt.words {
			t.Errorf("ParseRate(%q) = %v (%s), %v, want %v (%s)", tt.in, got, got, err, tt.want, tt.words)
		}
	}
	for _, in := range []string{"", "100", "0/s", "-1/s", "1.5/s", "100/day", "/s", "s/100", "1234567890/s", "100/"} {
		if got, err := ParseRate(in); err == nil {
			t.Errorf("ParseRate(%q) = %v, want an error", in, got)
		}
	}
}

func TestOneProviderHasOneRate(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string]string{"googlemail.com": "gmail.com", "gmail.com": "gmail.com", "mail.example": "mail.example"} {
		if got := RateDomain(domain); got != want {
			t.Errorf("RateDomain(%s) = %s, want %s", domain, got, want)
		}
	}
}

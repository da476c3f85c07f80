package loyalty_test

import (
	"strings"
	"testing"
	_ "time/tzdata"

	"regulars/internal/loyalty"
)

func TestAWrongZoneIsAnsweredWithTheNearest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, want string }{
		{"Helsinki", "did you mean Europe/Helsinki?"},
		{"helsinki", "did you mean Europe/Helsinki?"},
		{"Europe/Helsinky", "did you mean Europe/Helsinki?"},
		{"europe/helsinki", "did you mean Europe/Helsinki?"},
		{"New York", "did you mean America/New_York?"},
		{"US/New_York", "did you mean America/New_York?"},
		{"Asia/Bangkk", "did you mean Asia/Bangkok?"},
		{"Amsterdm", "did you mean Europe/Amsterdam?"},
		{"GMT+2", "is not a time zone like Europe/Helsinki"},
		{"+02:00", "is not a time zone like Europe/Helsinki"},
		{"Local", "is not a time zone"},
		{"", "is not a time zone"},
	} {
		if _, err := loyalty.ParseZone(tt.name); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseZone(%q) = %v, want %q", tt.name, err, tt.want)
		}
	}
	for _, name := range []string{"Europe/Helsinki", "UTC", "America/New_York"} {
		if z, err := loyalty.ParseZone(name); err != nil || z.String() != name {
			t.Errorf("ParseZone(%q) = %v, %v", name, z, err)
		}
	}
}

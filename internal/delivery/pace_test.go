package delivery

import (
	"testing"
	"time"
)

func TestABatchIsWhatTheWireTakesInAQuarterOfASecond(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		rate int // mails a second
		want int
	}{
		{"a fast relay has as many as are allowed", 5000, 200},
		{"400 a second", 400, 100},
		{"20 a second", 20, 5},
		{"two a second are still sent", 2, 1},
	} {
		for _, size := range []int{1, 16, 200} {
			for range 20 {
				size = paced(size, size, 200, time.Duration(size)*time.Second/time.Duration(tt.rate))
			}
			if size != tt.want {
				t.Errorf("%s: batches come to %d mails, want %d", tt.name, size, tt.want)
			}
		}
	}
	if got := paced(100, 3, 200, time.Millisecond); got != 100 {
		t.Errorf("a small batch that was fast makes the next %d, want 100 as before", got)
	}
	if got := paced(100, 100, 200, 0); got != 200 {
		t.Errorf("a batch that took no time makes the next %d, want 200", got)
	}
}

package jobs

import (
	"testing"
	"time"

	"regulars/internal/importer"
)

func TestAPaceCountsFromTheFirstRow(t *testing.T) {
	t.Parallel()
	began := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	var p pace
	p.bytes(500, 1500) // the file was read once ahead
	if now, due := p.rows(importer.Tally{}, began); !due || now.Seconds != 0 {
		t.Errorf("at its begin: %+v, %v", now, due)
	}
	p.bytes(600, 1500)
	if now, due := p.rows(importer.Tally{Read: 100}, began.Add(tellEvery/2)); due {
		t.Errorf("half a turn later it is told: %+v", now)
	}
	p.bytes(1000, 1500)
	now, due := p.rows(importer.Tally{Read: 500}, began.Add(10*time.Second))
	if !due || now.PerSecond != 50 || now.Seconds != 10 {
		t.Errorf("half of it after 10 s: %+v, %v, want 50 rows a second and 10 s", now, due)
	}
	p.bytes(1500, 1500)
	if now, due := p.rows(importer.Tally{Read: 1000}, began.Add(10*time.Second+time.Millisecond)); !due || now.Seconds != 0 {
		t.Errorf("at its end: %+v, %v, want it told at once", now, due)
	}
}

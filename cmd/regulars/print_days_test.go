package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"regulars/internal/loyalty"
	"regulars/internal/points"
)

// What --json prints is what encoding/json makes of it, but for the days.
func TestDaysArePrintedAsDates(t *testing.T) {
	t.Parallel()
	day := loyalty.Date(2027, 6, 21)
	type inner struct {
		Day  loyalty.Day  `json:"day"`
		Last *loyalty.Day `json:"last"`
		N    int          `json:"n,omitempty"`
	}
	type outer struct {
		inner
		N    int            `json:"n"`
		At   time.Time      `json:"at,omitzero"`
		None *inner         `json:"none,omitempty"`
		List []inner        `json:"list"`
		Any  map[string]any `json:"any"`
		Out  string         `json:"-"`
		Text string
		own  int
	}
	var b bytes.Buffer
	a := &app{surroundings: surroundings{out: &b}}
	if err := a.printJSON([]outer{{inner: inner{Day: day, N: 7}, N: 3, List: []inner{{Last: &day}}, Any: map[string]any{"day": day, "days": []loyalty.Day{day}, "nil": nil}, Text: "<&>", own: 1}}); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Compact(&got, b.Bytes()); err != nil {
		t.Fatal(err)
	}
	want := `[{"day":"2027-06-21","last":null,"n":3,"list":[{"day":"1970-01-01","last":"2027-06-21"}],"any":{"day":"2027-06-21","days":["2027-06-21"],"nil":null},"Text":"<&>"}]`
	if got.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", got.String(), want)
	}
	// A value without days comes out as it always did.
	s := points.Statement{Balance: 5, Entries: []points.Line{}, Lots: nil}
	plain, _ := json.Marshal(s)
	if printed, err := json.Marshal(withDates(s)); err != nil || string(printed) != string(plain) {
		t.Errorf("printed %s, %v, want %s", printed, err, plain)
	}
}

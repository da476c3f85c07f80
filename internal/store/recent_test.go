package store_test

import (
	"math"
	"testing"

	"regulars/internal/store"
)

func TestRecentForgetsWhatWasUsedLeastLately(t *testing.T) {
	t.Parallel()
	r := store.NewRecent[int, string](2)
	r.Put(1, "a")
	r.Put(2, "b")
	r.Get(1)
	r.Put(3, "c")
	r.Put(3, "d")
	if _, ok := r.Get(2); ok || r.Len() != 2 {
		t.Errorf("2 is still there, %d in all, want the two used last", r.Len())
	}
	if a, _ := r.Get(1); a != "a" {
		t.Errorf("Get(1) = %q, want a", a)
	}
	if d, _ := r.Get(3); d != "d" {
		t.Errorf("Get(3) = %q, want d", d)
	}
}

func TestJSONOfWhatCameFromOutsideDoesNotPanic(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		v    any
		want string
	}{
		{map[string]any{"n": math.NaN(), "m": math.Inf(1), "ok": 1.5}, `{"m":null,"n":null,"ok":1.5}`},
		{map[string]any{"list": []any{math.Inf(-1), "x"}, "deep": map[string]any{"n": math.NaN()}}, `{"deep":{"n":null},"list":[null,"x"]}`},
		{[]float64{1, math.NaN()}, `[1,null]`},
		{math.Inf(1), `null`},
		{map[string]string{"a": "\xff\x00"}, `{"a":"\ufffd\u0000"}`},
	} {
		if got := store.JSON(tt.v); got != tt.want {
			t.Errorf("JSON(%v) = %s, want %s", tt.v, got, tt.want)
		}
	}
}

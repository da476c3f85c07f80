package loyalty_test

import (
	"slices"
	"testing"

	"regulars/internal/loyalty"
)

func TestLabelsComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   loyalty.Labels
		json string
		want loyalty.Labels
	}{
		{nil, "[]", nil},
		{loyalty.Labels{"sale"}, `["sale"]`, loyalty.Labels{"sale"}},
		{loyalty.TidyLabels([]string{" ä ", "", "sale", "50% \"off\"", "sale"}), `["50% \"off\"","sale","ä"]`, loyalty.Labels{`50% "off"`, "sale", "ä"}},
	}
	for _, tt := range tests {
		if got := tt.in.JSON(); got != tt.json {
			t.Errorf("JSON of %q = %s, want %s", tt.in, got, tt.json)
		}
		for _, from := range []any{tt.json, []byte(tt.json)} {
			var got loyalty.Labels
			if err := got.Scan(from); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("Scan(%s) = %q, %v, want %q", from, got, err, tt.want)
			}
		}
	}
	var l loyalty.Labels
	if err := l.Scan(3); err == nil {
		t.Error("Scan(3) is no error")
	}
}

package report_test

import (
	"testing"

	"regulars/internal/report"
)

func TestCellsThatASpreadsheetWouldRun(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"": "", "tea": "tea", "-12.00": "-12.00", "+5": "+5", "=1+1": "'=1+1", "@x": "'@x", "-x": "'-x", "\tx": "'\tx", "a=b": "a=b",
	} {
		if got := report.Harmless(cell); got != want {
			t.Errorf("Harmless(%q) = %q, want %q", cell, got, want)
		}
	}
}

package program_test

import (
	"slices"
	"strings"
	"testing"

	"regulars/internal/program"
)

func TestFavouritesLeaveCategoriesOut(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		except     []string
		problem    string
	}{
		{"several", "favourites: {except: [COUPON/MISC ITEMS, FUEL]}", []string{"COUPON/MISC ITEMS", "FUEL"}, ""},
		{"one", "favourites: {except: FUEL}", []string{"FUEL"}, ""},
		{"none said", "", nil, ""},
		{"another key", "favourites: {excpet: [FUEL]}", nil, `"excpet"`},
		{"an empty group", "favourites: {}", nil, "except"},
		{"twice the same", "favourites: {except: [FUEL, FUEL]}", []string{"FUEL"}, `"FUEL" stands in the list twice`},
	}
	for _, tt := range tests {
		files := right(t)
		files["program.yaml"] += "\n" + tt.text + "\n"
		p, _, problems := program.Load(files)
		if got := lines(problems); (got == "") != (tt.problem == "") || !strings.Contains(got, tt.problem) {
			t.Errorf("%s: problems of %s:\n%swant %q", tt.name, tt.text, got, tt.problem)
		}
		if !slices.Equal(p.FavouritesExcept, tt.except) || !slices.Equal(p.Scope().FavouritesExcept, tt.except) {
			t.Errorf("%s: %s leaves out %q, want %q", tt.name, tt.text, p.FavouritesExcept, tt.except)
		}
	}
}

// TestRulesNamePoolsAndCampaignsOfTheProgram asks for codes and mails in a segment.
func TestRulesNamePoolsAndCampaignsOfTheProgram(t *testing.T) {
	t.Parallel()
	tests := []struct{ rule, problem string }{
		{`holds_code("back") and mails_from("win-back", "30d") >= 1`, ""},
		{`holds_code("bakc")`, `there is no pool called bakc; did you mean back?`},
		{`opened("win-bakc")`, `there is no campaign called win-bakc; did you mean win-back?`},
	}
	for _, tt := range tests {
		files := right(t)
		files["segments.yaml"] += "\nasked: " + tt.rule + "\n"
		_, _, problems := program.Load(files)
		if got := lines(problems); (got == "") != (tt.problem == "") || !strings.Contains(got, tt.problem) {
			t.Errorf("%s: problems:\n%swant %q", tt.rule, got, tt.problem)
		}
	}
}

package program_test

import (
	"testing"

	"regulars/internal/program"
	"regulars/segments"
)

func TestHowMembersAreJudged(t *testing.T) {
	t.Parallel()
	third := segments.Percent{33, 66}
	stages := segments.Lifecycle{Recent: 40, AtRisk: 90, Lost: 180}
	for _, tt := range []struct {
		claim, yaml string
		lifecycle   segments.Lifecycle
		scoring     segments.Scoring
	}{
		{"as usual", "", stages, segments.Scoring{Recency: third, Frequency: third, Monetary: third}},
		{"what is left out is as usual", "lifecycle: {lost: 365d}\n", segments.Lifecycle{Recent: 40, AtRisk: 90, Lost: 365}, segments.DefaultScoring()},
		{"all days", "lifecycle: {recent: 7d, at_risk: 14d, lost: 21d}\n", segments.Lifecycle{Recent: 7, AtRisk: 14, Lost: 21}, segments.DefaultScoring()},
		{"one pair for all scores", "rfm: {cuts: [20, 80]}\n", stages, segments.Scoring{Recency: segments.Percent{20, 80}, Frequency: segments.Percent{20, 80}, Monetary: segments.Percent{20, 80}}},
		{"a score of its own, in per cent", "rfm: {monetary: [50%, 90%], cuts: [20, 80]}\n", stages, segments.Scoring{Recency: segments.Percent{20, 80}, Frequency: segments.Percent{20, 80}, Monetary: segments.Percent{50, 90}}},
		{"recency in days", "rfm: {recency: [180d, 365d]}\n", stages, segments.Scoring{Recency: third, Frequency: third, Monetary: third, Within: segments.Within{180, 365}}},
	} {
		files := right(t)
		files["program.yaml"] += tt.yaml
		p, _, problems := program.Load(files)
		if program.Blocked(problems) {
			t.Errorf("%s: %s", tt.claim, lines(problems))
		}
		if p.Lifecycle != tt.lifecycle || p.Scoring != tt.scoring {
			t.Errorf("%s: Load(%q) = %s; %s, want %s; %s", tt.claim, tt.yaml, p.Lifecycle, p.Scoring, tt.lifecycle, tt.scoring)
		}
	}
}

// TestStagesOfRulesAreThePrograms: wherever a rule stands in the program, it reads
// the program's own days.
func TestStagesOfRulesAreThePrograms(t *testing.T) {
	t.Parallel()
	files := right(t)
	files["program.yaml"] += "lifecycle: {recent: 3d}\n"
	files["segments.yaml"] += "fresh: lifecycle == \"recent\"\n"
	files["campaigns/win-back/campaign.yaml"] += "for: lifecycle == \"recent\"\n"
	p, _, problems := program.Load(files)
	if program.Blocked(problems) {
		t.Fatal(lines(problems))
	}
	for _, r := range []*segments.Rule{p.Segments[len(p.Segments)-1].Rule, p.Campaigns[0].For} {
		if where, args := r.SQL(segments.Query{Engine: "sqlite", Day: 20000}); args["r1"] != int64(19997) {
			t.Errorf("recent is asked as %s with %v, want a last order after day 19997: below three days ago", where, args)
		}
	}
}

package program_test

import (
	"maps"
	"strings"
	"testing"

	"regulars/internal/program"
	"regulars/templates"
)

// Each ready-made campaign comes into the starter, also into one that has its pools, and
// into a shop that writes in another language.
func TestReadyMadeCampaignsAreTaken(t *testing.T) {
	t.Parallel()
	starter, err := templates.StarterWithPoints()
	if err != nil {
		t.Fatal(err)
	}
	bare := maps.Clone(starter)
	maps.DeleteFunc(bare, func(file, _ string) bool { return strings.HasPrefix(file, program.CampaignsRoot) })
	bare["pools.yaml"], bare["segments.yaml"] = "friend: {kind: generated, pattern: FRIEND-####-####, percent: 10}\n", "vip: orders >= 5"
	finnish := maps.Clone(bare)
	finnish["program.yaml"] = strings.Replace(strings.Replace(bare["program.yaml"], "[en]", "[fi]", 1), "{en: ", "{fi: ", -1)
	for name, files := range map[string]map[string]string{"starter": starter, "no campaigns": bare, "Finnish": finnish} {
		p, _, _ := program.Load(files)
		for _, e := range templates.Library() {
			taken, err := program.Take(files, p.Languages, e, "ours")
			if err != nil {
				t.Errorf("%s into %s: %v", e.Name, name, err)
				continue
			}
			next := maps.Clone(files)
			maps.Copy(next, taken)
			_, _, problems := program.Load(next)
			for _, problem := range problems {
				if strings.HasPrefix(problem.File, "campaigns/ours/") && problem.Level != program.Warning {
					t.Errorf("%s into %s: %s", e.Name, name, problem)
				}
			}
			if name == "starter" && taken["pools.yaml"] != "" {
				t.Errorf("%s brings a pool that is there: %s", e.Name, taken["pools.yaml"])
			}
		}
	}
	if _, err := program.Take(starter, []string{"en"}, templates.Library()[0], "welcome"); err == nil {
		t.Error("a name that is taken is taken twice")
	}
	delete(bare, "loyalty.yaml")
	for _, e := range templates.Library() {
		if _, err := program.Take(bare, []string{"en"}, e, "ours"); (err != nil) != e.Points {
			t.Errorf("%s into a program without points: %v", e.Name, err)
		}
	}
}

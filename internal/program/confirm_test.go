package program_test

import (
	"strings"
	"testing"

	"regulars/internal/program"
)

func TestTheDoubleOptInIsACampaignOfItsOwn(t *testing.T) {
	t.Parallel()
	files := readDir(t, "testdata/shop")
	if p, _, _ := program.Load(files); p.Confirm || p.Campaign(program.ConfirmCampaign) != nil {
		t.Errorf("confirm: false: Confirm = %v, campaign %v", p.Confirm, p.Campaign(program.ConfirmCampaign))
	}
	files["program.yaml"] = strings.Replace(files["program.yaml"], "{confirm: false}", "{confirm: true}", 1)
	p, texts, problems := program.Load(files)
	c := p.Campaign(program.ConfirmCampaign)
	if !p.Confirm || c == nil || program.Blocked(problems) {
		t.Fatalf("confirm: true: Confirm = %v, campaign %v, problems:\n%s", p.Confirm, c, lines(problems))
	}
	for _, language := range p.Languages {
		if texts[c.Name][c.Steps[0].Mail][language] == nil {
			t.Errorf("no text in %s", language)
		}
	}
	files["campaigns/confirm/campaign.yaml"] = "start: joins\nsteps:\n  - mail: a\n"
	files["campaigns/confirm/a.en.md"] = "---\nsubject: a\n---\na\n"
	_, _, problems = program.Load(files)
	if got := lines(problems); !program.Blocked(problems) || !strings.Contains(got, "campaigns/confirm/campaign.yaml: confirm is the name of") || strings.Count(got, "campaigns/confirm") != 1 {
		t.Errorf("a folder of that name: problems\n%s", got)
	}
}

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/marketing"
	"regulars/internal/program"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/versions"
)

func (a *app) campaignCommand() *cobra.Command {
	group := &cobra.Command{Use: "campaign", Short: "Campaigns: list | show | status | launch | preview | send-test"}
	group.AddCommand(
		a.reading("list", "List the campaigns of the program in force", a.listCampaigns),
		a.reading("show NAME", "Show a campaign as it was written", a.showCampaign),
		a.reading("status NAME", "What a campaign did, step by step, and whom it left out", a.campaignStatus),
		a.launchCommand(), a.previewCommand(false), a.sendTestCommand(),
	)
	return group
}

func (a *app) listCampaigns(tx *store.Tx, _ []string) error {
	v, err := versions.Active(tx)
	if err != nil {
		return fmt.Errorf("no program was applied yet: %w", err)
	}
	results, err := report.Results(tx, "", 0)
	if err != nil {
		return err
	}
	sent := map[string]int64{}
	for _, r := range results {
		sent[r.Campaign] = r.Sent
	}
	type line struct {
		Name  string `json:"name"`
		Live  bool   `json:"live"`
		Start string `json:"start"`
		Class string `json:"class"`
		Sent  int64  `json:"sent"`
	}
	var lines []line
	for _, k := range v.Program.Campaigns {
		lines = append(lines, line{k.Name, k.Live, k.Start.Words(v.Program.Currency), k.Class, sent[k.Name]})
	}
	return printList(a, lines, "CAMPAIGN||SENT|CLASS|STARTS", func(l line) []any {
		return []any{l.Name, either(l.Live, "live", "draft"), l.Sent, l.Class, l.Start}
	})
}

// campaignNamed answers a name that no campaign has with those that there are.
func campaignNamed(tx *store.Tx, name string) (program.Version, error) {
	v, err := marketing.InForce(tx)
	switch {
	case err != nil:
		return v, err
	case v.Program == nil:
		return v, fmt.Errorf("there is no campaign %q: no program was applied yet", name)
	case v.Program.Campaign(name) == nil:
		return v, store.Missing(program.NoCampaign(v.Program, name))
	}
	return v, nil
}

func (a *app) showCampaign(tx *store.Tx, args []string) error {
	v, err := campaignNamed(tx, args[0])
	if err != nil {
		return err
	}
	files := map[string]string{}
	for name, text := range v.Files {
		if inside, ok := strings.CutPrefix(name, "campaigns/"+args[0]+"/"); ok {
			files[inside] = text
		}
	}
	if a.json {
		return a.printJSON(files)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(a.out, "── %s\n%s\n", name, strings.TrimRight(files[name], "\n"))
	}
	return nil
}

func (a *app) campaignStatus(tx *store.Tx, args []string) error {
	if _, err := campaignNamed(tx, args[0]); err != nil {
		return err
	}
	steps, err := report.Results(tx, args[0], 0)
	if err != nil {
		return err
	}
	reasons, err := report.Reasons(tx, args[0], 0)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"steps": steps, "left_out": reasons})
	}
	var rows [][]string
	for _, r := range steps {
		rows = append(rows, append([]string{r.Step}, r.Cells()...))
	}
	if err := a.table(append([]string{"STEP"}, report.ResultHead...), rows); err != nil {
		return err
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Fprintf(a.out, "left out, %s: %d\n", strings.ReplaceAll(reason, "_", " "), reasons[reason])
	}
	return nil
}

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/program"
	"regulars/internal/report"
	"regulars/internal/store"
	"regulars/internal/versions"
)

func (a *app) campaignCommand() *cobra.Command {
	group := &cobra.Command{Use: "campaign", Short: "Campaigns: list | show | status | launch | preview | send-test"}
	group.AddCommand(
		&cobra.Command{Use: "list", Short: "List the campaigns of the program in force", Args: cobra.NoArgs, RunE: a.listCampaigns},
		&cobra.Command{Use: "show NAME", Short: "Show a campaign as it was written", Args: cobra.ExactArgs(1), RunE: a.showCampaign},
		&cobra.Command{Use: "status NAME", Short: "What a campaign did, step by step, and whom it left out", Args: cobra.ExactArgs(1), RunE: a.campaignStatus},
		a.launchCommand(), a.previewCommand(), a.sendTestCommand(),
	)
	return group
}

func (a *app) listCampaigns(c *cobra.Command, _ []string) error {
	return a.viewed(c, func(tx *store.Tx, db *store.DB) error {
		v, err := versions.Active(tx)
		if err != nil {
			return fmt.Errorf("no program was applied yet: %w", err)
		}
		results, err := report.Results(tx, "", 0)
		if err != nil {
			return err
		}
		sent := map[string]report.Result{}
		for _, r := range results {
			sent[r.Campaign] = r
		}
		type line struct {
			Name  string `json:"name"`
			Live  bool   `json:"live"`
			Start string `json:"start"`
			Class string `json:"class"`
			Sent  int64  `json:"sent"`
		}
		var lines []line
		var rows [][]string
		for _, k := range v.Program.Campaigns {
			l := line{k.Name, k.Live, k.Start.Words(v.Program.Currency), k.Class, sent[k.Name].Sent}
			lines = append(lines, l)
			rows = append(rows, []string{l.Name, map[bool]string{true: "live", false: "draft"}[l.Live], fmt.Sprint(l.Sent), l.Class, k.Start.Words(v.Program.Currency)})
		}
		if a.json {
			return a.printJSON(lines)
		}
		return a.table([]string{"CAMPAIGN", "", "SENT", "CLASS", "STARTS"}, rows)
	})
}

func (a *app) showCampaign(c *cobra.Command, args []string) error {
	return a.viewed(c, func(tx *store.Tx, db *store.DB) error {
		v, err := inForce(tx)
		if err != nil {
			return err
		}
		folder := "campaigns/" + args[0] + "/"
		files := map[string]string{}
		for _, name := range slices.Sorted(maps.Keys(v.Files)) {
			if strings.HasPrefix(name, folder) {
				files[strings.TrimPrefix(name, folder)] = v.Files[name]
			}
		}
		if len(files) == 0 {
			return noCampaign(v.Program, args[0])
		}
		if a.json {
			return a.printJSON(files)
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			fmt.Fprintf(a.out, "── %s\n%s\n", name, strings.TrimRight(files[name], "\n"))
		}
		return nil
	})
}

// noCampaign says that a campaign is not there, and which are.
func noCampaign(p *program.Program, name string) error {
	if p == nil {
		return fmt.Errorf("there is no campaign %q: no program was applied yet", name)
	}
	return store.Missing(program.NoCampaign(p, name))
}

func (a *app) campaignStatus(c *cobra.Command, args []string) error {
	return a.viewed(c, func(tx *store.Tx, db *store.DB) error {
		v, err := inForce(tx)
		if err != nil {
			return err
		}
		if v.Program == nil || v.Program.Campaign(args[0]) == nil {
			return noCampaign(v.Program, args[0])
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
		if err := a.resultTable("STEP", steps, func(r report.Result) string { return r.Step }); err != nil {
			return err
		}
		for _, reason := range slices.Sorted(maps.Keys(reasons)) {
			fmt.Fprintf(a.out, "left out, %s: %d\n", strings.ReplaceAll(reason, "_", " "), reasons[reason])
		}
		return nil
	})
}

func (a *app) resultTable(head string, list []report.Result, name func(report.Result) string) error {
	var rows [][]string
	for _, r := range list {
		rows = append(rows, append([]string{name(r)}, r.Cells()...))
	}
	return a.table(append([]string{head}, report.ResultHead...), rows)
}

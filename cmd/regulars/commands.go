package main

import (
	"os/user"

	"github.com/spf13/cobra"
)

// commands are all subcommands, in the order in which a shop meets them.
func (a *app) commands() []*cobra.Command {
	all := []*cobra.Command{a.demoCommand(), a.serveCommand(), a.statusCommand()}
	all = append(all, a.holdCommands()...)
	all = append(all, a.directoryCommands()...)
	all = append(all, a.rehearseCommand())
	return append(all, a.importCommand(), a.segmentCommand(), a.campaignCommand(), a.runsCommand(), a.sendsCommand(),
		a.enqueueCommand(), a.jobsCommand(), a.poolCommand(), a.couponCommand(), a.memberCommand(), a.hooksCommand(), a.tokenCommand(),
		a.reportCommand(), a.benchCommand(), a.doctorCommand(), a.migrateCommand(), a.versionCommand(), a.healthcheckCommand())
}

// user names the person at the command line, for what is kept of who did what.
func (a *app) user() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "somebody"
}

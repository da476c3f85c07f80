package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"regulars/internal/help"
)

// helpCommand explains topics, and commands as cobra does. A name that is both gets
// both.
func (a *app) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [TOPIC|COMMAND]", Short: "Explain a topic (" + strings.Join(help.Names(), ", ") + ") or a command",
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return a.help(root, args) },
	}
}

func (a *app) help(root *cobra.Command, args []string) error {
	if len(args) == 0 && a.json {
		return a.printJSON(help.Pages())
	}
	if len(args) == 0 {
		if err := root.Help(); err != nil {
			return err
		}
		fmt.Fprintln(a.out, "\nTopics, for `regulars help TOPIC`:")
		for _, p := range help.Pages() {
			fmt.Fprintf(a.out, "  %-16s %s\n", p.Name, p.Says)
		}
		return nil
	}
	page, topic := help.ByName(strings.ToLower(args[0]))
	topic = topic && len(args) == 1
	command, rest, err := root.Find(args)
	switch {
	case topic && a.json:
		return a.printJSON(page)
	case topic:
		fmt.Fprint(a.out, page.Plain())
		if err != nil || command == root {
			return nil
		}
		fmt.Fprintf(a.out, "\nTHE COMMAND\n\n")
	case err != nil || command == root || len(rest) > 0:
		return usage("there is neither a topic nor a command %q%s", strings.Join(args, " "), meant(args[0], append(help.Names(), subcommands(root)...)))
	}
	command.InitDefaultHelpFlag()
	return command.Help()
}

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what the build knows of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return info.Main.Version
}

func (a *app) versionCommand() *cobra.Command {
	return newCommand("version", "Print the version of this binary", func(*cobra.Command, []string) error {
		if a.json {
			return a.printJSON(map[string]string{"version": version(), "go": runtime.Version()})
		}
		fmt.Fprintf(a.out, "regulars %s (%s)\n", version(), runtime.Version())
		return nil
	})
}

// Command regulars is the whole of Regulars in one binary: the worker, the pages
// and hooks, and the command line of the marketer and the operator. It wires the
// rooms together, one file per subcommand, and is the only reader of flags and
// environment. What a command does belongs to the room it calls.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"os/user"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	_ "time/tzdata" // the zones of shops and members, also on a machine that has none

	"github.com/spf13/cobra"

	"regulars/internal/store"
	"regulars/jobs"
)

func main() {
	jobs.SilenceRedis()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	os.Exit(run(ctx, os.Args[1:], surroundings{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Environ()}))
}

// surroundings are what a command touches of the machine.
type surroundings struct {
	in       io.Reader
	out, err io.Writer
	env      []string
	clock    func() time.Time // the machine's; nil: time.Now

	grace     time.Duration // how long a stop waits for mails on the wire; 0: stopGrace
	recording time.Duration // and then for what became of them to be written down; 0: recording
	timing    time.Duration // how long the database may take to tell the time; 0: timing
}

// app is one invocation of the command line.
type app struct {
	surroundings
	config      config
	json        bool
	allWarnings bool                    // of a kind, where many are
	inboundDoor net.Listener            // nil: no mail comes in
	metricsDoor net.Listener            // nil: /metrics is beside the pages
	pprofDoor   net.Listener            // nil: no profiles
	zone        *time.Location          // the shop's, once its database is opened
	clock       *store.Clock            // business time, once a database is opened; nil: it is stepped by hand
	waited      func()                  // ends the sign on stderr that something takes long
	known       *atomic.Pointer[string] // what that sign says is known so far
}

// Exit codes: a failure, and wrong usage.
const (
	failed = 1
	misuse = 2
)

// usageError is a mistake in how a command was called.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// quiet ends a command with an exit code after it has said itself what is wrong.
type quiet int

func (quiet) Error() string { return "" }

// run executes one command and returns the process's exit code.
func run(ctx context.Context, args []string, s surroundings) int {
	a := &app{surroundings: s, zone: time.UTC, waited: func() {}, known: &atomic.Pointer[string]{}}
	a.grace, a.recording, a.timing = cmp.Or(a.grace, stopGrace), cmp.Or(a.recording, recording), cmp.Or(a.timing, timing)
	root := a.root()
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	c, err := root.ExecuteContextC(ctx)
	var bad usageError
	var silent quiet
	switch {
	case err == nil:
		return 0
	case errors.As(err, &silent):
		return int(silent)
	case errors.As(err, &bad):
		fmt.Fprintf(s.err, "regulars: %v\nTry: %s --help\n", err, cmp.Or(c, root).CommandPath())
		return misuse
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(s.err, "regulars: interrupted")
		return failed
	case errors.Is(err, store.ErrLocked): // the engine's own words name a statement, which helps nobody
		fmt.Fprintf(s.err, "regulars: %v. On Postgres pg_stat_activity and pg_locks name who; try again when it is gone\n", store.ErrLocked)
		return failed
	default:
		fmt.Fprintln(s.err, "regulars:", err)
		return failed
	}
}

// needNoSettings are the commands that touch nothing which the environment names:
// what is wrong with it is no reason to refuse them.
var needNoSettings = []string{"regulars", "regulars demo", "regulars version", "regulars init", "regulars check", "regulars help"}

// root is the tree of commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "regulars",
		Short:         "Marketing automation for loyalty programs: the right mail to the right member at the right time",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		PersistentPreRunE: func(c *cobra.Command, _ []string) (err error) {
			if a.config, err = readConfig(a.env); slices.Contains(needNoSettings, c.CommandPath()) {
				return nil
			}
			for _, doubt := range a.config.doubts {
				fmt.Fprintln(a.err, "warning:", doubt)
			}
			return err
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no command %q%s", args[0], meant(args[0], subcommands(c)))
			}
			return c.Help()
		},
	}
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand( // in the order in which a shop meets them
		a.demoCommand(), a.serveCommand(), a.statusCommand(), a.holdCommand(), a.releaseCommand(),
		a.initCommand(), a.checkCommand(), a.planCommand(), a.previewCommand(true), a.applyCommand(), a.exportCommand(), a.versionsCommand(), a.rollbackCommand(),
		a.rehearseCommand(), a.importCommand(), a.segmentCommand(), a.campaignCommand(), a.runsCommand(), a.sendsCommand(),
		a.enqueueCommand(), a.jobsCommand(), a.poolCommand(), a.couponCommand(), a.pointsCommand(), a.rewardCommand(), a.stampsCommand(), a.referralCommand(), a.memberCommand(), a.tierCommand(), a.hooksCommand(), a.tokenCommand(), a.userCommand(),
		a.reportCommand(), a.benchCommand(), a.doctorCommand(), a.migrateCommand(), a.versionCommand(), a.healthcheckCommand())
	root.SetHelpCommand(a.helpCommand(root))
	strict(root)
	return root
}

// user names the person at the command line, for what is kept of who did what.
func (a *app) user() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "somebody"
}

// by is user with the way by which they came.
func (a *app) by() string { return "command line: " + a.user() }

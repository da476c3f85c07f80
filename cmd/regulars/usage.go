package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"regulars/internal/loyalty"
)

// later are the commands and flags that belong to the contract and that this
// version does not do, by the command they belong to. They answer "not yet".
var later = map[string][]string{
	"regulars":          {"user"},
	"regulars bench":    {"send", "ingest", "codes"},
	"regulars member":   {"merge", "export", "erase"},
	"regulars hooks":    {"list", "show", "replay"},
	"regulars report":   {"--svg"},
	"regulars rehearse": {"--against"},
}

// notYet answers what belongs to the contract and is not done yet.
func notYet(root *cobra.Command, args []string) error {
	c, rest, err := root.Find(args)
	if err != nil {
		return nil // cobra says what is wrong
	}
	for _, arg := range rest {
		name, _, _ := strings.Cut(arg, "=")
		command := !strings.HasPrefix(arg, "-")
		if slices.Contains(later[c.CommandPath()], name) && command == c.HasSubCommands() {
			path := strings.TrimPrefix(c.CommandPath()+" "+name, "regulars ")
			if !command {
				path = name
			}
			return usage("%s: not yet; this version does not do it", path)
		}
		if command {
			break
		}
	}
	return laterFlag(c, rest)
}

func laterFlag(c *cobra.Command, rest []string) error {
	for _, arg := range rest {
		if name, _, _ := strings.Cut(arg, "="); strings.HasPrefix(name, "--") && slices.Contains(later[c.CommandPath()], name) {
			return usage("%s: not yet; this version does not do it", name)
		}
	}
	return nil
}

// strict makes every complaint about arguments one of usage, and refuses an
// unknown subcommand instead of printing help and succeeding.
func strict(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if check(c, args) != nil {
				return miscounted(c, args)
			}
			return nil
		}
	}
	if c.HasSubCommands() && c.RunE == nil && c.Run == nil {
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("%s has no command %q%s", plainPath(c), args[0], meant(args[0], subcommands(c)))
			}
			return c.Help()
		}
	}
	for _, child := range c.Commands() {
		strict(child)
	}
}

// miscounted says which argument is missing or one too many.
func miscounted(c *cobra.Command, args []string) error {
	how := strings.TrimSuffix(c.CommandPath(), c.Name()) + c.Use
	wanted := strings.Fields(c.Use)[1:]
	if len(args) < len(wanted) {
		return usage("%s needs %s: %s", c.Name(), wanted[len(args)], how)
	}
	return usage("%q is one too many: %s", args[len(wanted)], how)
}

// plainPath is a command without the binary's name.
func plainPath(c *cobra.Command) string {
	return strings.TrimPrefix(c.CommandPath(), "regulars ")
}

// subcommands are the names that a group of commands knows.
func subcommands(c *cobra.Command) (names []string) {
	for _, child := range c.Commands() {
		if !child.Hidden {
			names = append(names, child.Name())
		}
	}
	return append(names, later[c.CommandPath()]...)
}

// meant ends a complaint about a name with the nearest one, or with all of a few.
func meant(name string, names []string) string {
	if near := loyalty.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(names) == 0 || len(names) > 12 {
		return ""
	}
	return "; there are " + strings.Join(names, ", ")
}

// flagError says in plain words what is wrong with a flag.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(c, unknown)
	case errors.As(err, &invalid):
		return invalidFlag(invalid)
	}
	return usageError{err}
}

func unknownFlag(c *cobra.Command, e *pflag.NotExistError) error {
	name := e.GetSpecifiedName()
	if short := e.GetSpecifiedShortnames(); short != "" {
		if strings.Trim(short, "0123456789.") == "" {
			return usage("\"-%s\" is not a number that does here: it begins with -", short)
		}
		return usage("there is no flag -%s", short)
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := loyalty.Nearest(name, names); near != "" {
		return usage("there is no flag --%s; did you mean --%s?", name, near)
	}
	return usage("there is no flag --%s", name)
}

func invalidFlag(e *pflag.InvalidValueError) error {
	switch f := e.GetFlag(); f.Value.Type() {
	case "int", "int64":
		return usage("--%s takes a whole number, not %q", f.Name, e.GetValue())
	case "bool":
		return usage("--%s takes true or false, not %q", f.Name, e.GetValue())
	default:
		return usage("--%s: %v", f.Name, errors.Unwrap(e))
	}
}

// span is a flag that takes a length of time as the program's files do, 90m, 36h
// or 7d, or as Go writes one.
type span time.Duration

func (s *span) String() string { return time.Duration(*s).String() }

// Type names the value in the help.
func (s *span) Type() string { return "time" }

// Set implements pflag.Value.
func (s *span) Set(text string) error {
	d, err := loyalty.ParseSpan(text)
	if err != nil {
		long, wrong := time.ParseDuration(text)
		if wrong != nil || long < 0 {
			return err
		}
		d = long
	}
	*s = span(d)
	return nil
}

// positive refuses a count below one.
func positive(flag string, n int, what string) error {
	if n < 1 {
		return usage("--%s takes a number%s from 1 on", flag, what)
	}
	return nil
}

// oneOf refuses a word that is none of those that a flag takes; "" is no word.
func oneOf(what, word string, words []string) error {
	if word == "" || slices.Contains(words, word) {
		return nil
	}
	return usage("there is no %s %q%s", what, word, meant(word, words))
}

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

// strict makes every complaint about arguments one of usage that says which one is
// missing or one too many, and refuses an unknown subcommand instead of printing help
// and succeeding.
func strict(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if check(c, args) == nil {
				return nil
			}
			how := strings.TrimSuffix(c.CommandPath(), c.Name()) + c.Use
			if wanted := strings.Fields(c.Use)[1:]; len(args) < len(wanted) {
				return usage("%s needs %s: %s", c.Name(), wanted[len(args)], how)
			} else {
				return usage("%q is one too many: %s", args[len(wanted)], how)
			}
		}
	}
	if c.HasSubCommands() && c.RunE == nil && c.Run == nil {
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("%s has no command %q%s", strings.TrimPrefix(c.CommandPath(), "regulars "), args[0], meant(args[0], subcommands(c)))
			}
			return c.Help()
		}
	}
	for _, child := range c.Commands() {
		strict(child)
	}
}

// subcommands are the names that a group of commands knows.
func subcommands(c *cobra.Command) (names []string) {
	for _, child := range c.Commands() {
		if !child.Hidden {
			names = append(names, child.Name())
		}
	}
	return names
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
		name, short := unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames()
		switch {
		case short != "" && strings.Trim(short, "0123456789.") == "":
			return usage("\"-%s\" is not a number that does here: it begins with -", short)
		case short != "":
			return usage("there is no flag -%s", short)
		}
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := loyalty.Nearest(name, names); near != "" {
			return usage("there is no flag --%s; did you mean --%s?", name, near)
		}
		return usage("there is no flag --%s", name)
	case errors.As(err, &invalid):
		switch f := invalid.GetFlag(); f.Value.Type() {
		case "int", "int64":
			return usage("--%s takes a whole number, not %q", f.Name, invalid.GetValue())
		case "bool":
			return usage("--%s takes true or false, not %q", f.Name, invalid.GetValue())
		default:
			return usage("--%s: %v", f.Name, errors.Unwrap(invalid))
		}
	}
	return usageError{err}
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

// several is a flag with a list, comma-separated, that may be given more than once: then
// the lists are one.
type several string

func (s *several) String() string { return string(*s) }

// Type is how help calls such a value.
func (s *several) Type() string { return "string" }

// Set adds a list.
func (s *several) Set(text string) error {
	if *s != "" {
		text = string(*s) + "," + text
	}
	*s = several(text)
	return nil
}

// dayFlag is a flag that takes a day, like 2027-06-21.
type dayFlag struct {
	loyalty.Day
	given bool
}

func (d *dayFlag) String() string {
	if !d.given {
		return ""
	}
	return d.Day.String()
}

// Type names the value in the help.
func (d *dayFlag) Type() string { return "day" }

// Set implements pflag.Value.
func (d *dayFlag) Set(text string) (err error) {
	if d.given = text != ""; d.given {
		d.Day, err = loyalty.ParseDay(text)
	}
	return err
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

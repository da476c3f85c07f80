package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"text/tabwriter"

	"regulars/internal/loyalty"
)

// printJSON writes v, indented, as the only thing on stdout. A list of nothing is
// [], never null, and a day is 2027-06-21.
func (a *app) printJSON(v any) error {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice && r.IsNil() {
		v = []any{}
	}
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(withDates(v))
}

// say writes v as JSON where that is wanted, and else a line.
func (a *app) say(v any, format string, args ...any) error {
	if a.json {
		return a.printJSON(v)
	}
	_, err := fmt.Fprintf(a.out, format+"\n", args...)
	return err
}

// done says what was done.
func (a *app) done(what string) error { return a.say(map[string]string{"done": what}, "%s", what) }

// table writes rows under a head, in columns.
func (a *app) table(head []string, rows [][]string) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// printList writes a list as JSON where that is wanted, and else as a table under a
// head, whose columns are separated by "|".
func printList[T any](a *app, list []T, head string, row func(T) []any) error {
	if a.json {
		return a.printJSON(list)
	}
	rows := make([][]string, len(list))
	for i, item := range list {
		for _, cell := range row(item) {
			rows[i] = append(rows[i], fmt.Sprint(cell))
		}
	}
	return a.table(strings.Split(head, "|"), rows)
}

// plural counts things in words.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// either is the word for yes or the one for no.
func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// money writes an amount with its currency.
func money(minor int64, currency string) string {
	return loyalty.FormatMoney(minor, currency) + " " + currency
}

// moment shows an instant in the shop's time; none is a dash.
func (a *app) moment(i loyalty.Instant) string { return a.wall(i, "2006-01-02 15:04 MST") }

// second is moment to the second.
func (a *app) second(i loyalty.Instant) string { return a.wall(i, "2006-01-02 15:04:05 MST") }

func (a *app) wall(i loyalty.Instant, layout string) string {
	if i.IsZero() {
		return "–"
	}
	return i.In(a.zone).Format(layout)
}

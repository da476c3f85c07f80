package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// CSV writes a table for a spreadsheet.
func (t Table) CSV(to io.Writer) error {
	w := csv.NewWriter(to)
	head := make([]string, len(t.Head))
	for i, h := range t.Head {
		head[i] = strings.ReplaceAll(strings.ToLower(h), " ", "_")
	}
	if err := w.Write(head); err != nil {
		return err
	}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = Harmless(cell)
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// Harmless keeps a spreadsheet from taking a text that came from outside, like
// the name of a category, for a formula.
func Harmless(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return cell
	}
	if _, err := strconv.ParseFloat(cell, 64); err == nil {
		return cell
	}
	return "'" + cell
}

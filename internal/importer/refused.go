package importer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"regulars/internal/loyalty"
)

// refuse counts a row that is not taken, and keeps it for the rejects.
func (r *reader) refuse(fields []string, why loyalty.Note) error {
	why.Field = fieldOf(why.Field)
	r.tally.Refused++
	if r.Refused != nil {
		r.Refused(why)
	}
	if r.Rejects == "" {
		return nil
	}
	write := func() error {
		if r.rejects == nil {
			f, err := createPrivate(r.Rejects)
			if err != nil {
				return err
			}
			r.rejects = csv.NewWriter(f)
			r.rejects.Comma = r.table.comma
			r.closers = append(r.closers, func() error {
				r.rejects.Flush()
				return errors.Join(r.rejects.Error(), f.Close())
			})
			if err := r.rejects.Write(append([]string{"refused_line", "refused_because"}, r.table.header...)); err != nil {
				return err
			}
		}
		return r.rejects.Write(append([]string{strconv.Itoa(why.Line), why.String()}, fields...))
	}
	if err := write(); err != nil {
		return fmt.Errorf("keeping refused rows: %w", err)
	}
	return nil
}

// refuseKept refuses a row that was kept.
func (r *reader) refuseKept(line int, why loyalty.Note) error {
	why.Line = line
	defer delete(r.kept, line)
	return r.refuse(r.kept[line], why)
}

// createPrivate begins a file that only its owner may read, also where it was there
// before: people's addresses stand in it.
func createPrivate(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return f, err
	}
	if err := errors.Join(f.Chmod(0o600), f.Truncate(0)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ofLine is a field of a line of an order, whose lines are the rows of a file.
var ofLine = regexp.MustCompile(`^order\.lines\[(\d+)\]\.(\w+)$`)

// fieldOf is the field of a file that holds what events name so.
func fieldOf(field string) string {
	switch field {
	case "member.id":
		return "member"
	case "order.id":
		return "order"
	}
	if strings.HasPrefix(field, "order.coupons[") {
		return "coupon"
	}
	return strings.TrimPrefix(strings.TrimPrefix(field, "member."), "order.")
}

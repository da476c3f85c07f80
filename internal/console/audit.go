package console

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"time"

	"regulars/internal/report"
	"regulars/internal/staff"
	"regulars/internal/store"
)

type auditView struct {
	frame
	Acts  []staff.Act
	Older int64
}

func (c *Console) audit(w http.ResponseWriter, r *http.Request, u visitor) error {
	var view auditView
	err := c.read(r.Context(), func(tx *store.Tx) (err error) {
		if view.frame, err = c.frame(tx, r, u, "audit", c.pages.words.Say("audit.title")); err != nil {
			return err
		}
		view.Acts, view.Older, err = paged(r, func(before int64, limit int) ([]staff.Act, error) { return staff.Audit(tx, before, limit) }, func(row staff.Act) int64 { return row.ID })
		return err
	})
	if err != nil {
		return err
	}
	return c.pages.show(w, http.StatusOK, "audit", view)
}

// auditFile is all of the audit as CSV, the newest first.
func (c *Console) auditFile(w http.ResponseWriter, r *http.Request, _ visitor) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="audit.csv"`)
	out := csv.NewWriter(w)
	if err := out.Write([]string{"at", "by", "act", "about", "before", "after"}); err != nil {
		return nil // the browser has gone away
	}
	for before := int64(0); ; {
		var acts []staff.Act
		err := c.read(r.Context(), func(tx *store.Tx) (err error) { acts, err = staff.Audit(tx, before, 1000); return err })
		if err != nil {
			return fmt.Errorf("the file of the audit: %w", err)
		}
		for _, a := range acts {
			if out.Write([]string{a.At.UTC().Format(time.RFC3339), report.Harmless(a.By), report.Harmless(a.Act), report.Harmless(a.About), report.Harmless(a.Before), report.Harmless(a.After)}) != nil {
				return nil
			}
			before = a.ID
		}
		if out.Flush(); len(acts) == 0 || out.Error() != nil {
			return nil
		}
	}
}

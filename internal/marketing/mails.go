package marketing

import (
	"context"
	"fmt"

	"regulars/internal/delivery"
	"regulars/internal/intake"
	"regulars/internal/runs"
	"regulars/internal/staff"
	"regulars/internal/store"
	"regulars/internal/versions"
)

// Mail is one that somebody wants to see before members do.
type Mail struct {
	delivery.Example
	As     string            // the member: id or e-mail; "": a made-up one
	Launch map[string]string // what is typed for the values of its launch; nil: made up
}

// find looks the member up, and reads the values.
func (m Marketer) find(ctx context.Context, w *Mail) error {
	if w.As == "" && w.Launch == nil {
		return nil
	}
	return m.DB.View(ctx, func(tx *store.Tx) (err error) {
		if w.As != "" {
			if w.Member, err = intake.Find(tx, w.As); err != nil {
				return fmt.Errorf("the member to write as: %w", err)
			}
		}
		if w.Launch == nil {
			return nil
		}
		v, err := versions.Active(tx)
		if err != nil {
			return err
		}
		c, err := v.Campaign(w.Campaign)
		if err != nil {
			return err
		}
		w.Example.Launch, err = runs.ReadValues(c, w.Launch, v.Program.Currency)
		return err
	})
}

// PreviewMail renders a mail as the member would get it.
func (m Marketer) PreviewMail(ctx context.Context, w Mail) (delivery.Shown, error) {
	if err := m.find(ctx, &w); err != nil {
		return delivery.Shown{}, err
	}
	return m.Sender.Preview(ctx, w.Example)
}

// SendTest mails what PreviewMail shows to an address, with [Test] before its subject.
// It leaves no row and counts nowhere.
func (m Marketer) SendTest(ctx context.Context, w Mail, to string) (delivery.Shown, error) {
	if err := m.find(ctx, &w); err != nil {
		return delivery.Shown{}, err
	}
	shown, err := m.Sender.SendTest(ctx, w.Example, to)
	if err != nil || w.Draft != nil { // a draft has no database to note it in
		return shown, err
	}
	return shown, m.DB.Update(ctx, func(tx *store.Tx) error {
		return m.note(tx, staff.Act{Act: "send test", About: "campaign " + w.Campaign, After: shown.Mail})
	})
}

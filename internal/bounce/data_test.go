package bounce_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"regulars/internal/bounce"
)

// label is what others read in a recorded mail.
type label struct {
	File, Kind     string
	DeliveryStatus bool                                         `json:"delivery_status"`
	FeedbackReport bool                                         `json:"feedback_report"`
	Python         []struct{ Recipient, Action, Status string } `json:"python_email_dsn"`
	Feedback       map[string]string                            `json:"python_email_arf"`
	Expect         []struct{ Status string }
}

func TestRecordedMailsAreReadAsTheirLabelsSay(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(cmp.Or(os.Getenv("REGULARS_DATA"), "../../../shared"), "data", "bounces")
	file, err := os.Open(filepath.Join(dir, "labels.jsonl"))
	if err != nil {
		t.Skip("the recorded mails are not here: ", err)
	}
	defer file.Close()
	exact, reports, all := 0, 0, 0
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var want label
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, want.File))
		if err != nil {
			t.Fatal(err)
		}
		got := bounce.Read(raw)
		if all++; want.DeliveryStatus {
			reports++
		}
		if right(got, want) {
			exact++
			continue
		}
		t.Errorf("%s (%s): Read = %+v, want %+v %v", want.File, want.Kind, got, want.Python, want.Feedback)
	}
	t.Logf("%d of %d mails are read as their labels say; %d have a delivery-status part", exact, all, reports)
}

func right(got bounce.Report, want label) bool {
	switch {
	case want.FeedbackReport:
		return got.Feedback == want.Feedback["Feedback-Type"]
	case want.DeliveryStatus && len(want.Python) > 0:
		return slices.EqualFunc(got.Recipients, want.Python, func(a bounce.Recipient, b struct{ Recipient, Action, Status string }) bool {
			return a.Address == b.Recipient && a.Action == b.Action && a.Status == b.Status
		})
	case want.DeliveryStatus:
		return len(got.Recipients) == len(want.Expect)
	case want.Kind == "auto-reply":
		return got.Kind == bounce.AutoReply
	}
	return got.Kind == bounce.Other
}

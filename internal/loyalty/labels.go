package loyalty

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Labels are what a shop prints on a product beside its category and brand. In a
// database they are a JSON array of texts.
type Labels []string

// TidyLabels returns labels without blanks around them, each once, sorted; nil for
// none.
func TidyLabels(labels []string) Labels {
	var tidy Labels
	for _, l := range labels {
		if l = strings.TrimSpace(l); l != "" {
			tidy = append(tidy, l)
		}
	}
	slices.Sort(tidy)
	return slices.Compact(tidy)
}

// JSON returns the array as text: [] for none.
func (l Labels) JSON() string {
	if len(l) == 0 {
		return "[]"
	}
	b, err := json.Marshal([]string(l))
	if err != nil {
		panic(err) // texts are always JSON
	}
	return string(b)
}

// Scan implements sql.Scanner.
func (l *Labels) Scan(v any) error {
	var text []byte
	switch v := v.(type) {
	case nil:
	case string:
		text = []byte(v)
	case []byte:
		text = v
	default:
		return fmt.Errorf("loyalty: cannot read %T as labels", v)
	}
	*l = nil
	if len(text) == 0 || string(text) == "[]" {
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

// GormDataType keeps GORM from looking inside.
func (Labels) GormDataType() string { return "text" }

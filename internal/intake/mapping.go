package intake

import (
	"fmt"
	"strings"
)

// ParseMap reads field=column,… as --map takes it: which column of the header
// holds which of our fields.
func ParseMap(text string) (map[string]string, error) {
	columns := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		field, column, ok := strings.Cut(part, "=")
		field, column = strings.TrimSpace(field), strings.TrimSpace(column)
		switch _, twice := columns[field]; {
		case !ok || field == "" || column == "":
			return nil, fmt.Errorf("%q should be field=column", part)
		case twice:
			return nil, fmt.Errorf("%s is mapped twice", field)
		}
		columns[field] = column
	}
	return columns, nil
}

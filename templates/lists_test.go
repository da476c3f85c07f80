package templates_test

import (
	"strings"
	"testing"
)

// body returns the text part of a Markdown body, without the footer.
func body(t *testing.T, text string, changes ...any) string {
	t.Helper()
	r := render(t, parse(t, "x.en.md", written(text), all), with(all, changes...), shop)
	text, _, _ = strings.Cut(r.Text, "\n\n-----")
	if lists := strings.Count(r.HTML, "<ul"); strings.Contains(text, "- a") && lists != 1 {
		t.Errorf("%d lists in the page, want 1:\n%s", lists, r.HTML)
	}
	return text
}

func TestBlocksStandWhereTheyAreWritten(t *testing.T) {
	t.Parallel()
	two := []map[string]any{{"name": "a"}, {"name": "b"}}
	for _, tt := range []struct {
		name, text string
		data       []any
		want       string
	}{
		{"in a line", "x {{ if coupon }}a{{ else }}b{{ end }} y\n", nil, "x a y"},
		{"around a paragraph", "x\n{{ if coupon }}\na\n{{ else }}\nb\n{{ end }}\ny\n", nil, "x\n\na\n\ny"},
		{"around nothing that shows", "x\n\n{{ if coupon }}\na\n{{ end }}\n\ny\n", []any{"coupon", nil}, "x\n\ny"},
		{"around a whole list", "x\n{{ if coupon }}\n- a\n- b\n{{ end }}\ny\n", nil, "x\n\n- a\n- b\n\ny"},
		{"around a list and a paragraph", "{{ if coupon }}\n- a\n- b\n\nx\n{{ end }}\ny\n", nil, "- a\n- b\n\nx\n\ny"},
		{"around a paragraph and a list", "{{ if coupon }}\nx\n\n- a\n- b\n{{ end }}\ny\n", nil, "x\n\n- a\n- b\n\ny"},
		{"around an item", "- a\n{{ if coupon }}\n- b\n{{ end }}\n- c\n", nil, "- a\n- b\n- c"},
		{"around an item that is left out", "- a\n{{ if coupon }}\n- b\n{{ end }}\n- c\n", []any{"coupon", nil}, "- a\n- c"},
		{"around the first item", "{{ if coupon }}\n- a\n{{ end }}\n- b\n", nil, "- a\n- b"},
		{"one item or the other", "- a\n{{ if coupon }}\n- b\n{{ else }}\n- c\n{{ end }}\n", []any{"coupon", nil}, "- a\n- c"},
		{"items of a range", "{{ range order.lines }}\n- {{ .name }}\n{{ end }}\n", []any{"order.lines", two}, "- a\n- b"},
		{"two items of each", "{{ range order.lines }}\n- {{ .name }}\n- x\n{{ end }}\n- c\n", []any{"order.lines", two}, "- a\n- x\n- b\n- x\n- c"},
		{"a condition in a range", "{{ range order.lines }}\n{{ if eq .name \"a\" }}\n- a\n{{ else }}\n- not a\n{{ end }}\n{{ end }}\n", []any{"order.lines", two}, "- a\n- not a"},
		{"nobody's range", "x\n\n{{ range order.lines }}\n- {{ .name }}\n{{ end }}\n", []any{"order.lines", nil}, "x"},
		{"paragraphs of a range", "{{ range order.lines }}\n{{ .name }}!\n{{ end }}\n", []any{"order.lines", two}, "a!\n\nb!"},
		{"rows of a table", "| N |\n|---|\n{{ range order.lines }}\n| {{ .name }} |\n{{ end }}\n| z |\n", []any{"order.lines", two}, "N\na\nb\nz"},
		{"a row that is left out", "| N |\n|---|\n{{ if coupon }}\n| a |\n{{ end }}\n| z |\n", []any{"coupon", nil}, "N\nz"},
		{"a whole table", "{{ if coupon }}\n| N |\n|---|\n| a |\n{{ end }}\nx\n", nil, "N\na\n\nx"},
		{"a quotation", "> {{ if coupon }}\n> a\n> {{ end }}\n", nil, "> a"},
		{"several on one line", "- a\n{{ if coupon }}{{ if order }}\n- b\n{{ end }}{{ end }}\n", nil, "- a\n- b"},
		{"numbered", "1. a\n{{ if coupon }}\n2. b\n{{ end }}\n3. c\n", []any{"coupon", nil}, "1. a\n2. c"},
		{"numbers of a range", "{{ range order.lines }}\n1. {{ .name }}\n{{ end }}\n2. c\n", []any{"order.lines", two}, "1. a\n2. b\n3. c"},
		{"numbers inside numbers", "4. a\n   1. b\n   2. c\n5. d\n", nil, "4. a\n  1. b\n  2. c\n5. d"},
		{"bullets inside numbers", "1. a\n   - b\n\n   x\n2. d\n\ny\n", nil, "1. a\n\n  - b\n\nx\n\n2. d\n\ny"},
	} {
		if got := body(t, tt.text, tt.data...); got != tt.want {
			t.Errorf("%s: %q gives\n%s\nwant\n%s", tt.name, tt.text, got, tt.want)
		}
	}
}

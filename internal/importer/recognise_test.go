package importer

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestNoHeaderIsOfTwoLayouts holds each layout to marks that no other one's example has.
func TestNoHeaderIsOfTwoLayouts(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Glob("testdata/*.csv")
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]bool{}
	for _, example := range examples {
		text, err := os.ReadFile(example)
		if err != nil {
			t.Fatal(err)
		}
		table, err := readTable(bytes.NewReader(text), "")
		if err != nil {
			t.Fatal(err)
		}
		var best []string
		most := 0
		for i := range layouts {
			switch n := layouts[i].fits(File{Path: example}, table.header); {
			case n > most:
				best, most = []string{layouts[i].what}, n
			case n == most && n > 0:
				best = append(best, layouts[i].what)
			}
		}
		if len(best) != 1 {
			t.Errorf("%s is as well any of %q", example, best)
		}
		for _, what := range best {
			taken[what] = true
		}
	}
	for _, l := range layouts {
		if !taken[l.what] && l.named == nil {
			t.Errorf("there is no example of %s in testdata", l.what)
		}
		for _, mark := range l.marks {
			if strings.TrimSpace(mark) == "" {
				t.Errorf("%s has an empty mark", l.what)
			}
		}
	}
}

// FuzzRecognise has each layout read whatever stands under its header, and holds that
// nothing of it is lost between what is used and what is left out.
func FuzzRecognise(f *testing.F) {
	examples, err := filepath.Glob("testdata/*.csv")
	if err != nil {
		f.Fatal(err)
	}
	for _, example := range examples {
		text, err := os.ReadFile(example)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := readTable(bytes.NewReader(data), "")
		if err != nil {
			return
		}
		for _, kind := range []string{"members", "orders", "suppressions"} {
			l, err := recognise(File{Kind: kind, Path: "export.csv"}, table.header)
			if err != nil || l == nil {
				continue
			}
			c, err := mapColumns(kind, table.header, l, nil, nil, nil)
			if err != nil {
				t.Fatalf("mapColumns(%q) as %s = %v", table.header, l.what, err)
			}
			if n := len(c.uses()) + len(c.ignored); n != len(table.header) {
				t.Errorf("%d of %d columns are used or left out of %q", n, len(table.header), table.header)
			}
			read(t, c, data)
		}
	})
}

// read reads all fields of all rows.
func read(t *testing.T, c *columns, data []byte) {
	table, err := readTable(bytes.NewReader(data), "")
	if err != nil {
		return
	}
	for range 100 {
		row, err := table.next()
		if err != nil {
			return
		}
		c.fields = row.fields
		for field := range c.at {
			if text := c.get(field); !utf8.ValidString(text) {
				t.Errorf("%s is %q", field, text)
			}
		}
		for _, i := range c.packed {
			for _, item := range packedItems(c.fields[i]) {
				if len(item) > len(c.fields[i]) {
					t.Errorf("%q is %v", c.fields[i], item)
				}
			}
		}
	}
}

func FuzzMap(f *testing.F) {
	for _, seed := range []string{"a=b", `name="Item, long",total=Sum`, `"name=Item, long"`, `a="b""c"`, `a="`, ",,=", "a=b,a=c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		columns, err := ParseMap(text)
		if err != nil {
			return
		}
		for field, column := range columns {
			if field == "" || column == "" {
				t.Errorf("ParseMap(%q) = %q", text, columns)
			}
		}
	})
}

func TestWhatStandsTogetherInOneColumn(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"two items", "id:1|name:Mug|total:8.00;id:2|name:Beans|total:12.00", "id=1 name=Mug total=8.00; id=2 name=Beans total=12.00"},
		{"a bar and a semicolon in a value", "name:Mug; blue | large|total:8.00", "name=Mug; blue | large total=8.00"},
		{"a colon in a value", "name:Mug: blue|sku:M-1", "name=Mug: blue sku=M-1"},
		{"a semicolon at the end", "code:SPRING|amount:2.50;", "amount=2.50 code=SPRING"},
		{"nothing by a name", "Mug, Beans", ""},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		var items []string
		for _, item := range packedItems(tt.text) {
			var values []string
			for _, name := range slices.Sorted(maps.Keys(item)) {
				values = append(values, name+"="+item[name])
			}
			items = append(items, strings.Join(values, " "))
		}
		if got := strings.Join(items, "; "); got != tt.want {
			t.Errorf("%s: packedItems(%q) = %s, want %s", tt.name, tt.text, got, tt.want)
		}
	}
}

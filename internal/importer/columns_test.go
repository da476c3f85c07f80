package importer

import (
	"slices"
	"testing"

	"regulars/internal/program"
)

// TestAnAttributeNamedLikeAColumnIsSaidByCheck holds program's list of names to the
// columns that files of members have.
func TestAnAttributeNamedLikeAColumnIsSaidByCheck(t *testing.T) {
	t.Parallel()
	for _, field := range fieldsOf("members") {
		if slices.Contains(onlyNamed, field) {
			continue // it takes no column by its name
		}
		_, _, problems := program.Load(map[string]string{"program.yaml": "shop: {name: Anna's Pets, url: https://shop.example, address: \"Kauppakatu 1, Helsinki\"}\n" +
			"mail: {from: \"Anna <anna@shop.example>\"}\nlanguages: [en]\ncurrency: EUR\nzone: Europe/Helsinki\nattributes: {" + field + ": text}\n"})
		if len(problems) != 1 || problems[0].Line != 6 {
			t.Errorf("attribute %s, which files of members have as a column: check says %v", field, problems)
		}
	}
}

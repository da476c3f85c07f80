package program_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"regulars/internal/program"
)

// namesShop is a shop with rules in all the places where they stand.
func namesShop() map[string]string {
	mail := "---\nsubject: Hello\n---\nHello.\n"
	return map[string]string{
		"program.yaml": "shop: {name: Anna's Pets, url: https://shop.example, address: \"Kauppakatu 1, Helsinki\"}\nmail: {from: \"Anna <anna@shop.example>\"}\n" +
			"languages: [en]\ncurrency: EUR\nzone: Europe/Helsinki\nfavourites: {except: [Fuel]}\n",
		"pools.yaml":                "spring: {kind: shared, code: SPRING, percent: 10, products: [SKU-1, SKU-2], categories: Beans}\n",
		"campaigns/b/campaign.yaml": "start: {milestone: items(\"Coffee\"), at: [10]}\nsteps:\n  - mail: m\n",
		"campaigns/b/m.en.md":       mail,
		"segments.yaml":             "cups: bought_category(\"Cups\")\nclub: in_segment(\"cups\") and tag(\"club\")\n",
		"campaigns/a/campaign.yaml": "start: {event: review.written, where: 'events(\"visit.made\") > 1'}\nfor: club\nexcept: country == \"SE\"\nuntil: [event review.removed, 'bought_brand(\"Moka\")']\n" +
			"steps:\n  - mail: m\n    if: bought_at(\"Kallio\")\n",
		"campaigns/a/m.en.md": mail,
	}
}

func TestNamesInAProgramAreSaidWhereTheyStand(t *testing.T) {
	t.Parallel()
	files := namesShop()
	if _, _, problems := program.Load(files); program.Blocked(problems) {
		t.Fatal(problems)
	}
	var got []string
	for _, n := range program.Names(files) {
		got = append(got, fmt.Sprintf("%s:%d:%d %s %s", n.File, n.Line, n.Column, n.Kind, n.Text))
	}
	want := []string{
		"program.yaml:6:23 category Fuel",
		"segments.yaml:1:23 category Cups",
		"segments.yaml:2:34 tag club",
		"pools.yaml:1:62 product SKU-1",
		"pools.yaml:1:69 product SKU-2",
		"pools.yaml:1:89 category Beans",
		"campaigns/a/campaign.yaml:1:16 event review.written",
		"campaigns/a/campaign.yaml:1:47 event visit.made",
		"campaigns/a/campaign.yaml:3:20 country SE",
		"campaigns/a/campaign.yaml:4:9 event review.removed",
		"campaigns/a/campaign.yaml:4:45 brand Moka",
		"campaigns/a/campaign.yaml:7:19 point of sale Kallio",
		"campaigns/b/campaign.yaml:1:20 product or category Coffee",
	}
	if !slices.Equal(got, want) {
		t.Errorf("names:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

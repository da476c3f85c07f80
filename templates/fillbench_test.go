package templates_test

import (
	"os"
	"testing"

	"regulars/templates"
)

// BenchmarkMail makes a mail of the library for a member both ways.
func BenchmarkMail(b *testing.B) {
	src, err := os.ReadFile("birthday/happy-birthday.en.md")
	if err != nil {
		b.Fatal(err)
	}
	m := parse(b, "happy-birthday.en.md", string(src), all)
	d := with(all, "coupon.minimum", int64(2500))
	b.Run("rendered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Render(d, shop); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("filled in", func(b *testing.B) {
		c, err := m.Compile(shop)
		if err != nil {
			b.Fatal(err)
		}
		var room templates.Filled
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Fill(&room, d, nil, ""); err != nil {
				b.Fatal(err)
			}
		}
	})
}

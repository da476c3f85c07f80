package main

import (
	"strings"
	"testing"
)

// TestUsersComeInByALink adds, lists, changes and removes users as an admin would.
func TestUsersComeInByALink(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		s.env = append(s.env, "BASE_URL=https://desk.shop.example")
		s.must("migrate")
		link := strings.TrimSpace(s.must("user", "add", "Ana@Shop.example", "--role", "admin"))
		if !strings.HasPrefix(link, "https://desk.shop.example/console/welcome/") || len(link) < 80 {
			t.Errorf("the link: %q", link)
		}
		if again := strings.TrimSpace(s.must("user", "add", "ana@shop.example", "--role", "admin")); again == link {
			t.Error("the link of who has lost the password is the same again")
		}
		if list := s.must("user", "list"); !strings.Contains(list, "ana@shop.example") || !strings.Contains(list, "admin") || !strings.Contains(list, "none") {
			t.Errorf("the list: %s", list)
		}
		s.must("user", "role", "ana@shop.example", "viewer")
		for _, tt := range []struct {
			args []string
			code int
			want string
		}{
			{[]string{"user", "add", "ana@shop.example"}, misuse, "--role viewer|marketer|launcher|admin"},
			{[]string{"user", "add", "bea@shop.example", "--role", "amin"}, misuse, "admin"},
			{[]string{"user", "add", "ana@shop.example", "--role", "admin"}, failed, "is there as viewer"},
			{[]string{"user", "add", "nobody", "--role", "admin"}, failed, "an address has one @"},
			{[]string{"user", "role", "ana@shop.example", "boss"}, misuse, "viewer, marketer, launcher and admin"},
			{[]string{"user", "remove", "bea@shop.example"}, failed, "regulars user list"},
		} {
			if got := s.run(tt.args...); got.code != tt.code || !strings.Contains(got.err, tt.want) {
				t.Errorf("%v: exit %d, want %d and %q: %s", tt.args, got.code, tt.code, tt.want, got.err)
			}
		}
		s.must("user", "remove", "ana@shop.example")
		if list := s.must("user", "list", "--json"); strings.Contains(list, "ana") {
			t.Errorf("the list: %s", list)
		}
	})
}

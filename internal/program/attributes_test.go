package program_test

import (
	"reflect"
	"strings"
	"testing"

	"regulars/internal/loyalty"
	"regulars/internal/program"
)

// TestAnAttributeNamedLikeAFieldIsSaid is about names that files and events use for
// fields of ours, so that the attribute would stay empty, and about those that rules
// use, which cannot be attributes at all.
func TestAnAttributeNamedLikeAFieldIsSaid(t *testing.T) {
	t.Parallel()
	declaring := func(attribute string) []program.Problem {
		files := namesShop()
		files["program.yaml"] += "attributes:\n  plan: text\n  " + attribute + "\n"
		_, _, problems := program.Load(files)
		return problems
	}
	for _, name := range []string{
		"member", "id", "email", "phone", "card", "first_name", "last_name", "time_zone", "birthday", "joined_at", "referred_by", "consent_at", "consent_source", "consent_text",
	} {
		problems := declaring(name + ": text")
		if len(problems) != 1 || program.Blocked(problems) || !strings.HasPrefix(problems[0].String(), "program.yaml:9:3: warning: "+name+" is a field of every member") ||
			!strings.Contains(problems[0].Hint, "another name, like shop_"+name) {
			t.Errorf("attribute %s: check says %v, want one warning at its line that names another name", name, problems)
		}
	}
	for _, name := range []string{"country", "language", "tags", "tag", "joined", "consent", "points", "orders", "spent", "bought_category"} {
		problems := declaring(name + ": text")
		if !program.Blocked(problems) || !strings.HasPrefix(problems[0].String(), "program.yaml:9:3: "+name+" has a meaning in rules already: choose another name") {
			t.Errorf("attribute %s: check says %v, want an error at its line", name, problems)
		}
	}
	for field := range reflect.TypeFor[loyalty.Member]().Fields() { // whatever an event may say of a member
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "-" && name != "consent_day" && len(declaring(name+": text")) == 0 { // that day is read from consent_at
			t.Errorf("attribute %s, which events have as a field: check says nothing", name)
		}
	}
	for _, name := range []string{"shoe_size", "first_names", "shop_email", "nickname"} {
		if problems := declaring(name + ": text"); len(problems) > 0 {
			t.Errorf("attribute %s: check says %v, want nothing", name, problems)
		}
	}
}

package address_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/internal/address"
)

var renew = flag.Bool("update", false, "write the golden files anew")

func TestAddress(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 60)
	for _, tt := range []struct {
		name, text, clean, folded string
		err                       error
	}{
		{name: "an ordinary one", text: "Ana@Example.test", clean: "Ana@example.test", folded: "ana@example.test"},
		{name: "white space around it", text: " \u00a0ana@example.test\u200b\r\n", clean: "ana@example.test", folded: "ana@example.test"},
		{name: "marks of direction around it", text: "\u202aana@example.test\u202c", clean: "ana@example.test", folded: "ana@example.test"},
		{name: "a plus and a dot", text: "ana.k+shop@example.test", clean: "ana.k+shop@example.test", folded: "ana.k+shop@example.test"},
		{name: "a domain of another script", text: "ana@Bücher.example", clean: "ana@xn--bcher-kva.example", folded: "ana@xn--bcher-kva.example"},
		{name: "that domain in punycode is the same", text: "ana@xn--bcher-kva.example", clean: "ana@xn--bcher-kva.example", folded: "ana@xn--bcher-kva.example"},
		{name: "full-width dots", text: "ana@example．test", clean: "ana@example.test", folded: "ana@example.test"},
		{name: "two hyphens in a label", text: "ana@r3---a.example", clean: "ana@r3---a.example", folded: "ana@r3---a.example"},
		{name: "nothing", text: "", err: address.ErrNoAt},
		{name: "no @", text: "ana", err: address.ErrNoAt},
		{name: "nothing before the @", text: "@example.test", err: address.ErrNoAt},
		{name: "two of them", text: "ana@b@example.test", err: address.ErrLocal},
		{name: "a quoted local part", text: `"ana k"@example.test`, err: address.ErrLocal},
		{name: "a name with it", text: "Ana <ana@example.test>", err: address.ErrLocal},
		{name: "a header smuggled in", text: "ana\r\nBcc: x@example.test", err: address.ErrLocal},
		{name: "a letter beyond ASCII before the @", text: "ñoñó@example.test", err: address.ErrLocal},
		{name: "a dot at the end of the local part", text: "ana.@example.test", err: address.ErrDots},
		{name: "two dots in the domain", text: "ana@example..test", err: address.ErrDots},
		{name: "a dot at the end", text: "ana@example.test.", err: address.ErrDots},
		{name: "a domain without a dot", text: "ana@localhost", err: address.ErrNoDot},
		{name: "an address of a machine", text: "ana@[127.0.0.1]", err: address.ErrDomain},
		{name: "the same without brackets", text: "ana@127.0.0.1", err: address.ErrDomain},
		{name: "an underscore in the domain", text: "ana@ex_ample.test", err: address.ErrDomain},
		{name: "a hyphen at the start of a label", text: "ana@-example.test", err: address.ErrDomain},
		{name: "punycode of nothing", text: "ana@xn--0.test", err: address.ErrDomain},
		{name: "a long local part", text: long + "abcde@example.test", err: address.ErrTooLong},
		{name: "a long label", text: "ana@" + long + "abcd.test", err: address.ErrDomain},
	} {
		clean, folded, err := address.Read(tt.text)
		if clean != tt.clean || folded != tt.folded || !errors.Is(err, tt.err) {
			t.Errorf("%s: Read(%q) = %q, %q, %v, want %q, %q, %v", tt.name, tt.text, clean, folded, err, tt.clean, tt.folded, tt.err)
		}
	}
}

// edge is an address of the collection of edge cases, and what its collector says.
type edge struct{ Address, Syntax string }

func TestASenderIsReadAsMembersAre(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, name, clean string }{
		{"anna@shop.example", "", "anna@shop.example"},
		{"Anna <anna@Shop.example>", "Anna", "anna@shop.example"},
		{"Anna <anna@shop--test.example>", "Anna", "anna@shop--test.example"},
		{"Anna <anna@ab--cd.example>", "Anna", "anna@ab--cd.example"},
		{"Anna <anna@r3---a.example>", "Anna", "anna@r3---a.example"},
		{"Anna <anna@xn--bcher-kva.example>", "Anna", "anna@xn--bcher-kva.example"},
		{"Bücher <post@bücher.example>", "Bücher", "post@xn--bcher-kva.example"},
		{`"Anna, the shop" <anna@shop.example>`, "Anna, the shop", "anna@shop.example"},
		{"Anna", "", ""}, {"anna@shop", "", ""}, {"anna@-shop.example", "", ""}, {"anna@xn--0.example", "", ""}, {"añna@shop.example", "", ""},
		{"Anna <anna@shop.example>, Ben <ben@shop.example>", "", ""}, {"anna@shop.example\r\nBcc: x@y.example", "", ""}, {"", "", ""},
	} {
		a, err := address.Named(tt.text)
		if (err != nil) != (tt.clean == "") || err == nil && (a.Name != tt.name || a.Address != tt.clean) {
			t.Errorf("Named(%q) = %v, %v, want %q, %q", tt.text, a, err, tt.name, tt.clean)
		}
	}
}

// The decisions about the collected edge cases are a golden file to be read. What
// the collectors call wrong may only be taken where the fault is space around it.
func TestAddressEdgeCases(t *testing.T) {
	t.Parallel()
	var decisions strings.Builder
	for _, e := range edges(t) {
		clean, _, err := address.Read(e.Address)
		if err != nil {
			fmt.Fprintf(&decisions, "%-24s %q: %v\n", e.Syntax, e.Address, err)
			continue
		}
		fmt.Fprintf(&decisions, "%-24s %q → %q\n", e.Syntax, e.Address, clean)
		if (e.Syntax == "invalid" || e.Syntax == "deprecated") && strings.TrimSpace(e.Address) == e.Address {
			t.Errorf("Read(%q) = %q, want an error: it is %s", e.Address, clean, e.Syntax)
		}
	}
	golden := filepath.Join("testdata", "addresses.golden")
	if *renew {
		if err := os.WriteFile(golden, []byte(decisions.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if decisions.String() != string(want) {
		t.Errorf("decisions differ from %s; run with -update and read the difference", golden)
	}
}

// edges reads the collection that lies beside the repository, or skips.
func edges(t *testing.T) (all []edge) {
	t.Helper()
	data := os.Getenv("REGULARS_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "shared")
	}
	f, err := os.Open(filepath.Join(data, "data", "emails", "addresses.jsonl"))
	if err != nil {
		t.Skip("the collection of addresses is not there: ", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e edge
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"ana@example.test", "ana@Bücher.example", "a@b..c", "\r\n@x.y", "a@\u3002b.c", "x@xn--a.b", "0@\xbc.A"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean, folded, err := address.Read(s)
		if err != nil {
			return
		}
		again, refolded, err := address.Read(clean)
		if err != nil || again != clean || refolded != folded {
			t.Errorf("Read(%q) = %q, %q; of its own answer %q, %q, %v", s, clean, folded, again, refolded, err)
		}
		if strings.ContainsAny(clean, " \r\n<>\",") || strings.Count(clean, "@") != 1 {
			t.Errorf("Read(%q) = %q, which could be taken for something else", s, clean)
		}
	})
}

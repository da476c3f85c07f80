package consent_test

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

	"regulars/internal/consent"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
)

var renew = flag.Bool("update", false, "write the golden files anew")

func TestAddress(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 60)
	for _, tt := range []struct {
		name, address, clean, folded string
		err                          error
	}{
		{name: "an ordinary one", address: "Ana@Example.test", clean: "Ana@example.test", folded: "ana@example.test"},
		{name: "white space around it", address: " \u00a0ana@example.test\u200b\r\n", clean: "ana@example.test", folded: "ana@example.test"},
		{name: "marks of direction around it", address: "\u202aana@example.test\u202c", clean: "ana@example.test", folded: "ana@example.test"},
		{name: "a plus and a dot", address: "ana.k+shop@example.test", clean: "ana.k+shop@example.test", folded: "ana.k+shop@example.test"},
		{name: "a domain of another script", address: "ana@Bücher.example", clean: "ana@xn--bcher-kva.example", folded: "ana@xn--bcher-kva.example"},
		{name: "that domain in punycode is the same", address: "ana@xn--bcher-kva.example", clean: "ana@xn--bcher-kva.example", folded: "ana@xn--bcher-kva.example"},
		{name: "full-width dots", address: "ana@example．test", clean: "ana@example.test", folded: "ana@example.test"},
		{name: "two hyphens in a label", address: "ana@r3---a.example", clean: "ana@r3---a.example", folded: "ana@r3---a.example"},
		{name: "nothing", address: "", err: consent.ErrNoAt},
		{name: "no @", address: "ana", err: consent.ErrNoAt},
		{name: "nothing before the @", address: "@example.test", err: consent.ErrNoAt},
		{name: "two of them", address: "ana@b@example.test", err: consent.ErrLocal},
		{name: "a quoted local part", address: `"ana k"@example.test`, err: consent.ErrLocal},
		{name: "a name with it", address: "Ana <ana@example.test>", err: consent.ErrLocal},
		{name: "a header smuggled in", address: "ana\r\nBcc: x@example.test", err: consent.ErrLocal},
		{name: "a letter beyond ASCII before the @", address: "ñoñó@example.test", err: consent.ErrLocal},
		{name: "a dot at the end of the local part", address: "ana.@example.test", err: consent.ErrDots},
		{name: "two dots in the domain", address: "ana@example..test", err: consent.ErrDots},
		{name: "a dot at the end", address: "ana@example.test.", err: consent.ErrDots},
		{name: "a domain without a dot", address: "ana@localhost", err: consent.ErrNoDot},
		{name: "an address of a machine", address: "ana@[127.0.0.1]", err: consent.ErrDomain},
		{name: "the same without brackets", address: "ana@127.0.0.1", err: consent.ErrDomain},
		{name: "an underscore in the domain", address: "ana@ex_ample.test", err: consent.ErrDomain},
		{name: "a hyphen at the start of a label", address: "ana@-example.test", err: consent.ErrDomain},
		{name: "punycode of nothing", address: "ana@xn--0.test", err: consent.ErrDomain},
		{name: "a long local part", address: long + "abcde@example.test", err: consent.ErrTooLong},
		{name: "a long label", address: "ana@" + long + "abcd.test", err: consent.ErrDomain},
	} {
		clean, folded, err := consent.Address(tt.address)
		if clean != tt.clean || folded != tt.folded || !errors.Is(err, tt.err) {
			t.Errorf("%s: Address(%q) = %q, %q, %v, want %q, %q, %v", tt.name, tt.address, clean, folded, err, tt.clean, tt.folded, tt.err)
		}
	}
}

// edge is an address of the collection of edge cases, and what its collector says.
type edge struct{ Address, Syntax string }

// The decisions about the collected edge cases are a golden file to be read. What
// the collectors call wrong may only be taken where the fault is space around it.
func TestAddressEdgeCases(t *testing.T) {
	t.Parallel()
	var decisions strings.Builder
	for _, e := range edges(t) {
		clean, _, err := consent.Address(e.Address)
		if err != nil {
			fmt.Fprintf(&decisions, "%-24s %q: %v\n", e.Syntax, e.Address, err)
			continue
		}
		fmt.Fprintf(&decisions, "%-24s %q → %q\n", e.Syntax, e.Address, clean)
		if (e.Syntax == "invalid" || e.Syntax == "deprecated") && strings.TrimSpace(e.Address) == e.Address {
			t.Errorf("Address(%q) = %q, want an error: it is %s", e.Address, clean, e.Syntax)
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
		clean, folded, err := consent.Address(s)
		if err != nil {
			return
		}
		again, refolded, err := consent.Address(clean)
		if err != nil || again != clean || refolded != folded {
			t.Errorf("Address(%q) = %q, %q; of its own answer %q, %q, %v", s, clean, folded, again, refolded, err)
		}
		if strings.ContainsAny(clean, " \r\n<>\",") || strings.Count(clean, "@") != 1 {
			t.Errorf("Address(%q) = %q, which could be taken for something else", s, clean)
		}
	})
}

func TestPepperIsMadeOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var first, second []byte
		update(t, db, func(tx *store.Tx) (err error) { first, err = consent.Pepper(tx); return err })
		update(t, db, func(tx *store.Tx) (err error) { second, err = consent.Pepper(tx); return err })
		if len(first) != 32 || string(first) != string(second) {
			t.Errorf("Pepper = %x, then %x, want 32 bytes twice the same", first, second)
		}
		if string(consent.Key(first, "ana@example.test")) == string(consent.Key(pepper, "ana@example.test")) {
			t.Error("keys of two peppers are the same")
		}
	})
}

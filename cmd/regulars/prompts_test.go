package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var askedShop = map[string]string{
	"program.yaml": `
shop: {name: Anna's Pets, url: https://shop.example, address: "Kauppakatu 1, Helsinki"}
mail: {from: "Anna <anna@shop.example>"}
languages: [en]
currency: EUR
zone: Europe/Helsinki
attributes: {plan: text}
`,
	"segments.yaml": "quiet: orders >= 2 and days_since_last_order > 90\nspenders: spent >= 100\n",
}

// askedOrders is a file of orders: ANA has three long ago, BEN two of which one
// is late, CAT one.
func askedOrders(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "orders.csv")
	rows := "order,member,at,total\n1,ANA,2026-01-10,50.00\n2,ANA,2026-02-10,60.00\n3,ANA,2026-03-01,10.00\n4,BEN,2026-01-05,20.00\n5,BEN,2026-06-20,20.00\n6,CAT,2026-06-01,5.00\n"
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestExplainSaysWhatEachPartKeepsAndWhoFailsWhere(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		s.must("import", "orders", askedOrders(t))
		s.must("apply", directory(t, askedShop))
		at := []string{"--at", "2026-06-30"}
		for _, tt := range []struct {
			rule string
			more []string
			want string
		}{
			{"quiet", nil, "Members who are in the segment quiet.\n\n  3 members\n  2 of them have at least 2 orders\n  1 of these last ordered more than 90 days ago\n"},
			{`not in_segment("spenders") and (orders == 1 or days_since_last_order < 30)`, nil,
				"Members (who have exactly 1 order or who last ordered less than 30 days ago), except those who are in the segment spenders.\n\n" +
					"  3 members\n  2 of them are not among those who are in the segment spenders\n      1 have spent at least 100.00 EUR\n" +
					"  2 of these meet at least one of these:\n      1 have exactly 1 order\n      2 last ordered less than 30 days ago\n"},
			{`orders == 1 or spent > 100`, nil, "Members who have exactly 1 order or who have spent more than 100.00 EUR.\n\n" +
				"  3 members\n  2 of them meet at least one of these:\n      1 have exactly 1 order\n      1 have spent more than 100.00 EUR\n"},
			{"quiet", []string{"--member", "BEN"}, "Members who are in the segment quiet.\n\nBEN: no\n" +
				"  holds: has 2 orders; the rule wants at least 2 orders\n  fails: last ordered 10 days ago; the rule wants more than 90 days\n"},
			{"quiet", []string{"--member", "ANA"}, "Members who are in the segment quiet.\n\nANA: yes\n" +
				"  holds: has 3 orders; the rule wants at least 2 orders\n  holds: last ordered 121 days ago; the rule wants more than 90 days\n"},
			{"orders >= 1", []string{"--member", "CAT", "--at", "2026-05-31"}, "Members who have at least 1 order.\n\nCAT: no, nobody by that name was known on 2026-05-31\n"},
		} {
			args := append(append([]string{"segment", "explain", tt.rule}, at...), tt.more...)
			if got := s.must(args...); got != tt.want {
				t.Errorf("regulars %q\n got %s\nwant %s", args, got, tt.want)
			}
		}
		s.explainsInJSON(at)
	})
}

// explainsInJSON checks that --json carries all of it.
func (s shop) explainsInJSON(at []string) {
	s.t.Helper()
	var e explanation
	out := s.must(append([]string{"segment", "explain", "quiet", "--json"}, at...)...)
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		s.t.Fatal(err)
	}
	if e.Members == nil || *e.Members != 3 || *e.Kept != 1 || len(e.Parts) != 2 || e.Parts[0].Members != 2 || e.Parts[1].Words != "who last ordered more than 90 days ago" || e.SQL == "" {
		s.t.Errorf("explain --json = %s", out)
	}
	e = explanation{}
	out = s.must(append([]string{"segment", "explain", "quiet", "--json", "--member", "BEN"}, at...)...)
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		s.t.Fatal(err)
	}
	if m := e.Member; m == nil || m.Holds || !m.Known || m.Parts[1].Holds || m.Parts[1].Fields[0].Value != 10.0 || m.Parts[1].Fields[0].Wants != "more than 90 days" {
		s.t.Errorf("explain --json --member = %s", out)
	}
}

func TestAQuestionThatTakesTooLongSaysWhatToDo(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		s.must("migrate")
		dir := directory(t, askedShop)
		for _, args := range [][]string{
			{"segment", "count", "orders >= 1"}, {"segment", "members", "orders >= 1"}, {"segment", "explain", "orders >= 1"},
			{"segment", "explain", "orders >= 1", "--member", "ANA"}, {"segment", "list"}, {"segment", "moves", "orders >= 1"}, {"plan", dir},
		} {
			got := s.run(append(args, "--timeout", "1ns")...)
			if got.code != failed || !strings.Contains(got.err, "no answer within 1ns. Allow more with --timeout") {
				t.Errorf("regulars %v --timeout 1ns: exit %d, %q", args, got.code, got.err)
			}
			if got := s.run(append(args, "--timeout", "soon")...); got.code != misuse {
				t.Errorf("regulars %v --timeout soon: exit %d, want %d", args, got.code, misuse)
			}
		}
		if got := s.must("segment", "count", "orders >= 1", "--timeout", "0"); got != "0\n" {
			t.Errorf("without a time-out count says %q", got)
		}
	})
}

func TestAnInterruptedQuestionSaysSoPlainly(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		s.must("migrate")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		var out, errs bytes.Buffer
		code := run(ctx, []string{"segment", "count", "orders >= 1"}, surroundings{in: strings.NewReader(""), out: &out, err: &errs, env: s.env})
		if code != failed || out.Len() > 0 || !strings.HasSuffix(errs.String(), "regulars: interrupted\n") {
			t.Errorf("an interrupted count: exit %d, %q, %q", code, out.String(), errs.String())
		}
	})
}

func TestALongQuestionShowsThatItIsAtIt(t *testing.T) {
	t.Parallel()
	var screen bytes.Buffer
	ticks := make(chan time.Time)
	var known atomic.Pointer[string]
	stop := spin(&screen, ticks, known.Load)
	ticks <- time.Time{}
	said := "; a sample says 10 to 20"
	known.Store(&said)
	ticks <- time.Time{}
	stop()
	stop()
	want := "\rasking the database … 1 s (Ctrl-C stops)\rasking the database … 2 s; a sample says 10 to 20 (Ctrl-C stops)\r\x1b[K"
	if screen.String() != want {
		t.Errorf("after two seconds the screen got %q, want %q", screen.String(), want)
	}
	screen.Reset()
	spin(&screen, ticks, known.Load)()
	if screen.Len() > 0 {
		t.Errorf("a short question wrote %q", screen.String())
	}
}

func TestFieldsListsWhatRulesRead(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		s.must("migrate")
		s.must("apply", directory(t, askedShop))
		out := s.must("segment", "fields")
		for _, want := range []string{"ORDERS", `also in a time span, "90d"`, "YOUR OWN, FROM PROGRAM.YAML", "plan", `consent("…")`, "as of today, also with --at"} {
			if !strings.Contains(out, want) {
				t.Errorf("segment fields lacks %q:\n%s", want, out)
			}
		}
		var lines []fieldLine
		if err := json.Unmarshal([]byte(s.must("segment", "fields", "--json")), &lines); err != nil || len(lines) < 30 {
			t.Errorf("segment fields --json: %d of them, %v", len(lines), err)
		}
		for _, l := range lines {
			if l.Name == "" || l.Usage == "" || l.Group == "" || l.Type == "nothing" || l.Words == "" {
				t.Errorf("a field is not described: %+v", l)
			}
		}
	})
}

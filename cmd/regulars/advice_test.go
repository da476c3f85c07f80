package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"regulars/internal/patiently"
)

var advised = regexp.MustCompile("`regulars ([^`]+)`")

// Fault 21: whatever a message, a check or a trouble tells people to run is there: the
// command, its subcommand, and each flag.
func TestWhatIsAdvisedExists(t *testing.T) {
	t.Parallel()
	found := 0
	for _, folder := range []string{"../../internal", "../../jobs", ".", "../../templates", "../../segments"} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			ext := filepath.Ext(path)
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || ext != ".go" && ext != ".sql" && ext != ".html" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, line := range strings.Split(string(text), "\n") {
				if code := strings.TrimSpace(line); strings.HasPrefix(code, "//") { // says what is, to developers
					continue
				}
				for _, m := range advised.FindAllStringSubmatch(line, -1) {
					found++
					isThere(t, path, m[1])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 20 {
		t.Errorf("%d commands are advised, which cannot be all", found)
	}
}

// isThere looks a command line up in the tree of commands.
func isThere(t *testing.T, path, line string) {
	t.Helper()
	args := strings.Fields(strings.NewReplacer("…", "", ",", "", "'", "").Replace(line))
	a := &app{surroundings: surroundings{in: strings.NewReader(""), out: io.Discard, err: io.Discard}, zone: time.UTC}
	root := a.root()
	root.InitDefaultHelpCmd() // as executing it does
	c, rest, err := root.Find(args)
	if err != nil || c == root && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		t.Errorf("%s advises `regulars %s`: there is no such command", path, line)
		return
	}
	for _, arg := range rest {
		name, isFlag := strings.CutPrefix(arg, "--")
		if name, _, _ = strings.Cut(name, "="); isFlag && flagOf(c, name) == nil {
			t.Errorf("%s advises `regulars %s`: %s has no --%s", path, line, c.CommandPath(), name)
		}
	}
	if c.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		t.Errorf("%s advises `regulars %s`: %s has no %s", path, line, c.CommandPath(), rest[0])
	}
}

func flagOf(c *cobra.Command, name string) *pflag.Flag {
	if f := c.Flags().Lookup(name); f != nil {
		return f
	}
	return c.InheritedFlags().Lookup(name)
}

// What the doctor finds is mended by what it says.
func TestTheDoctorsAdviceMends(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		s.env = append(s.env, "SMTP_URL=inbox:", "BASE_URL=https://mail.shop.example", "LISTEN=127.0.0.1:0", "LOG_LEVEL=error")
		s.must("import", "members", manyMembers(t, 3), "--consent", "offers", "--consent-source", "test", "--consent-at", "2026-01-01")
		s.must("apply", directory(t, quietShop))
		s.sql("update facts set spent = spent + 7")
		if got := s.run("doctor"); got.code != 1 || !strings.Contains(got.out, "facts differ") || !strings.Contains(got.out, "enqueue refresh facts=true") {
			t.Fatalf("doctor of wrong facts: exit %d\n%s", got.code, got.out)
		}
		s.sql("insert into counts (campaign_id, day, run_id, step, class, sent_day, state, reason, n) values (1, 20000, 0, 'x', 'offer', 20000, 'sent', '', 3)")
		if got := s.run("doctor"); got.code != 1 || !strings.Contains(got.out, "3 mails sent are counted, the ledger holds 0") || !strings.Contains(got.out, "enqueue refresh counts=true") {
			t.Fatalf("doctor of wrong counts: exit %d\n%s", got.code, got.out)
		}
		s.sql("insert into segment_days (segment_id, day, came, went) values (99, 20000, 3, 1)")
		if got := s.run("doctor"); got.code != 1 || !strings.Contains(got.out, "3 came and 1 left as it is counted, 0 and 0 by the stays") {
			t.Fatalf("doctor of a segment's wrong day: exit %d\n%s", got.code, got.out)
		}
		s.must("enqueue", "refresh", "facts=true", "counts=true")
		if strings.HasPrefix(s.env[0], "DATABASE_URL=sqlite") { // the inbox may not be Postgres' relay
			p := s.start()
			defer stopped(t, p)
			patiently.UntilRight(t, func() string {
				if got := s.run("doctor"); got.code != 0 {
					return got.out
				}
				return ""
			})
			s.sql("insert into sends (day, occurrence_id, step, member_id, campaign_id, version_id, class, topic, state, queued_at) select 1, 99, 'x', id, (select min(id) from campaigns), (select max(id) from versions), 'offer', 'offers', 'queued', created_at from members where external_id = 'M-00001'")
			got := s.run("doctor")
			send := regexp.MustCompile(`send (\d+): queued since`).FindStringSubmatch(got.out)
			if send == nil {
				t.Fatalf("doctor of a stranded send: %s", got.out)
			}
			s.must("sends", "resolve", send[1], "again")
			if got := s.run("doctor"); strings.Contains(got.out, "but not due") {
				t.Errorf("after the advice: %s", got.out)
			}
		}
	})
}

// Receivers count a signature only for the domain of the From.
func TestTheDoctorSaysWhenSignaturesAreOfAnotherDomain(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, s shop) {
		s.must("apply", directory(t, quietShop))
		s.env = append(s.env, "DKIM_SELECTOR=m", "DKIM_KEY="+dkimKey)
		for domain, want := range map[string]bool{"shop.example": false, "mail.shop.example": false, "relay.test": true} {
			s := s
			s.env = append(slices.Clone(s.env), "DKIM_DOMAIN="+domain)
			got := s.run("doctor")
			if found := strings.Contains(got.out, "and are signed for "+domain+": DMARC does not count that signature"); found != want || (got.code == 1) != want {
				t.Errorf("signed for %s: exit %d\n%s", domain, got.code, got.out)
			}
			if !strings.Contains(got.err, "m._domainkey."+domain+"\n    v=DKIM1; k=ed25519; p=") {
				t.Errorf("the record is not said: %s", got.err)
			}
		}
	})
}

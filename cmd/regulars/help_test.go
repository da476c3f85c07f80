package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/internal/help"
)

func TestHelpExplainsTopicsAndCommands(t *testing.T) {
	t.Parallel()
	s := shop{t: t, env: []string{"SMTP_URI=wrong"}} // which stops no help
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"help"}, 0, "rules            A rule says which members are meant"},
		{[]string{"help", "rules"}, 0, "RULES\n\nA rule says which members are meant"},
		{[]string{"help", "rules", "--json"}, 0, `"topic": "rules"`},
		{[]string{"help", "--json"}, 0, `"topic": "troubleshooting"`},
		{[]string{"help", "segment", "count"}, 0, "Print how many members it keeps"},
		{[]string{"help", "points"}, 0, "POINTS\n"},
		{[]string{"help", "points"}, 0, "THE COMMAND\n\nPoints: give"}, // it is both
		{[]string{"help", "rulse"}, misuse, `neither a topic nor a command "rulse"; did you mean "rules"?`},
		{[]string{"help", "segmnt"}, misuse, `did you mean "segment"?`},
		{[]string{"help", "segment", "cont"}, misuse, `neither a topic nor a command "segment cont"`},
	} {
		if got := s.run(tt.args...); got.code != tt.code || !strings.Contains(got.out+got.err, tt.says) {
			t.Errorf("regulars %v: exit %d, %q, want exit %d and %q", tt.args, got.code, got.out+got.err, tt.code, tt.says)
		}
	}
	for _, p := range help.Pages() {
		for line := range strings.Lines(p.Plain()) {
			if len([]rune(line)) > 160 {
				t.Errorf("help %s has a line of %d letters: %s", p.Name, len([]rune(line)), line)
			}
		}
	}
}

// TestHelpIsTrue does what the pages of help say, one after the other, in a folder of its
// own.
func TestHelpIsTrue(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") != "true" {
			t.Skip("the examples need ", tool)
		}
	}
	unraced(t)
	r := newReader(t)
	ran := map[string]int{}
	for _, p := range help.Pages() {
		for _, b := range blocksOf(p.Text) {
			kind, about, _ := strings.Cut(b.info, " ")
			run, known := r.runners()[kind]
			if !known {
				t.Errorf("help %s, line %d: nobody knows what to do with a block of %q", p.Name, b.line, b.info)
				continue
			}
			ran[kind]++
			if err := run(about, b.text); err != nil {
				t.Errorf("help %s, line %d: %v\n%s", p.Name, b.line, err, b.text)
			}
		}
		for _, m := range regexp.MustCompile(`\]\(([a-z-]+)\)`).FindAllStringSubmatch(p.Text, -1) {
			if _, ok := help.ByName(m[1]); !ok {
				t.Errorf("help %s leads to %q, which is no topic", p.Name, m[1])
			}
		}
	}
	for kind := range r.runners() {
		if ran[kind] == 0 {
			t.Errorf("no block of %s was run", kind)
		}
	}
}

// block is what stands in a fence, and the line of the page where it begins.
type block struct {
	info, text string
	line       int
}

func blocksOf(text string) (all []block) {
	var b *block
	n := 0
	for line := range strings.Lines(text) {
		n++
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && b == nil:
			b = &block{info: strings.TrimSpace(info), line: n}
		case fence:
			all, b = append(all, *b), nil
		case b != nil:
			b.text += line
		}
	}
	return all
}

// reader is somebody who does what the pages say.
type reader struct {
	shop
	dir     string
	address string // where the service answers; "": it was not begun yet
	key     []byte // that webhooks are signed with
}

func newReader(t *testing.T) *reader {
	dir := t.TempDir()
	key := []byte("a key of twenty-four byt")
	r := &reader{dir: dir, key: key, shop: shop{t: t, env: []string{"DATABASE_URL=sqlite:" + filepath.Join(dir, "regulars.db"), "HOOK_SECRET_STANDARD=whsec_" + base64.StdEncoding.EncodeToString(key), "LOG_LEVEL=error"}}}
	self, err := os.Executable()
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "bin"), 0o700)
	}
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "bin", "regulars"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".curlrc"), []byte("fail-with-body\nsilent\nshow-error\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *reader) runners() map[string]func(about, text string) error {
	return map[string]func(about, text string) error{
		"sh": r.shell, "csv": r.csv, "yaml": r.yaml, "md": r.mail, "rules": r.rules, "json": r.post, "env": r.environment, "dns": r.records,
	}
}

// shell runs commands as a shell does, or, where they do not end or change much, sees
// that there are such commands with such flags.
func (r *reader) shell(about, text string) error {
	if about == "parsed" {
		return r.parsed(text)
	}
	if strings.Contains(text, "localhost:8080") {
		text = strings.ReplaceAll(text, "localhost:8080", r.served())
	}
	c := exec.Command("sh", "-euc", text)
	c.Dir = r.dir
	c.Env = append(slices.Clone(r.env), asCommand+"=yes", "PATH="+filepath.Join(r.dir, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"), "HOME="+r.dir, "CURL_HOME="+r.dir)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w:\n%s", err, out)
	}
	return nil
}

func (r *reader) parsed(text string) error {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if words[0] != "regulars" {
			return fmt.Errorf("%q is no command of ours", words[0])
		}
		root := (&app{}).root()
		c, rest, err := root.Find(words[1:])
		if err == nil {
			err = c.ParseFlags(rest)
		}
		if err == nil {
			err = c.ValidateArgs(c.Flags().Args())
		}
		if err != nil || c == root {
			return fmt.Errorf("%s: %w", line, err)
		}
	}
	return nil
}

// served is where the service answers, from the first time that it is needed.
func (r *reader) served() string {
	if r.address == "" {
		r.address = r.serve()
	}
	return r.address
}

func (r *reader) csv(name, text string) error {
	return os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600)
}

// yaml is a file of the program, or those of its parts that are to be other. One that is
// only tried is put back when it was checked.
func (r *reader) yaml(about, text string) error {
	name, tried := strings.CutSuffix(about, " tried")
	file := filepath.Join(r.dir, "program", name)
	was, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	parts, order := partsOf(string(was))
	next, more := partsOf(text)
	for _, key := range more {
		if _, is := parts[key]; !is {
			order = append(order, key)
		}
	}
	maps.Copy(parts, next)
	var b strings.Builder
	for _, key := range order {
		b.WriteString(parts[key])
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		return err
	}
	if strings.HasPrefix(name, "campaigns/") {
		return nil // its mails come next
	}
	err = r.checked()
	if tried && err == nil {
		err = os.WriteFile(file, was, 0o600)
	}
	return err
}

// partsOf takes YAML apart at the keys that stand at the margin.
func partsOf(text string) (parts map[string]string, order []string) {
	parts = map[string]string{}
	key := ""
	for line := range strings.Lines(text) {
		if k, _, is := strings.Cut(line, ":"); is && !strings.ContainsAny(line[:1], " #-\t") {
			key = k
		}
		if _, is := parts[key]; !is {
			order = append(order, key)
		}
		parts[key] += line
	}
	return parts, order
}

// checked is what check says of the program where it blocks.
func (r *reader) checked() error {
	if got := r.run("check", filepath.Join(r.dir, "program")); got.code != 0 {
		return fmt.Errorf("check: %s", got.err)
	}
	return nil
}

// mail writes a mail of a campaign. Its campaign may have others, which come after it.
func (r *reader) mail(name, text string) error {
	file := filepath.Join(r.dir, "program", name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	if got := r.run("check", filepath.Join(r.dir, "program")); strings.Contains(got.err, name) {
		return fmt.Errorf("check: %s", got.err)
	} else if got.code != 0 {
		return nil
	}
	campaign, mail := filepath.Base(filepath.Dir(name)), strings.TrimSuffix(filepath.Base(name), ".en.md")
	if got := r.run("preview", filepath.Join(r.dir, "program"), campaign, mail); got.code != 0 {
		return fmt.Errorf("preview: %s", got.err)
	}
	return nil
}

// rules counts each line.
func (r *reader) rules(_, text string) error {
	for line := range strings.Lines(text) {
		rule, _, _ := strings.Cut(line, "#")
		if got := r.run("segment", "count", strings.TrimSpace(rule)); got.code != 0 {
			return fmt.Errorf("%s: %s", rule, got.err)
		}
	}
	return nil
}

// post sends what a shop would, signed.
func (r *reader) post(to, text string) error {
	path, ok := strings.CutPrefix(to, "POST ")
	if !ok || !json.Valid([]byte(text)) {
		return fmt.Errorf("%q is no delivery", to)
	}
	q, err := http.NewRequest(http.MethodPost, "http://"+r.served()+path, strings.NewReader(text))
	if err != nil {
		return err
	}
	id, at := fmt.Sprintf("msg-%x", sha256.Sum256([]byte(text))), fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, r.key)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, text)
	q.Header.Set("webhook-id", id)
	q.Header.Set("webhook-timestamp", at)
	q.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusAccepted || !bytes.Contains(body, []byte(`"stored"`)) {
		return fmt.Errorf("answered %d: %s", answer.StatusCode, body)
	}
	return nil
}

// environment is one that serve takes.
func (r *reader) environment(_, text string) error {
	c, err := readConfig(strings.Split(strings.TrimSpace(text), "\n"))
	if err != nil {
		return err
	}
	return c.ready()
}

// records are lines of a name, a type and a value.
func (r *reader) records(_, text string) error {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		value := strings.Trim(strings.Join(words[2:], " "), `"`)
		good := map[string]bool{"TXT": strings.HasPrefix(value, "v="), "MX": strings.HasSuffix(value, ".")}[words[1]]
		if key, is := strings.CutPrefix(value, "v=DKIM1; k=ed25519; p="); is {
			raw, err := base64.StdEncoding.DecodeString(key)
			good = err == nil && len(raw) == 32
		}
		if !good || net.ParseIP(words[0]) != nil {
			return fmt.Errorf("%s is no record", line)
		}
	}
	return nil
}

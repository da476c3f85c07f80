package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"regulars/internal/embedded"
	"regulars/internal/store"
)

// ErrNoPostfix says that the relay and the peer of bench send are not there.
var ErrNoPostfix = errors.New("bench send hands mails to Postfix's smtp-sink and holds them against its smtp-source, which are not installed here (Debian: apt install postfix)")

// newsShop has two campaigns with the same mail, one with a code for each member.
func newsShop() map[string]string {
	files := map[string]string{"program.yaml": letterShop["program.yaml"], "pools.yaml": letterShop["pools.yaml"]}
	maps.Copy(files, fifth)
	body := "Hello {{ member.first_name }},\n\n"
	for _, about := range []string{"coffee of this month", "teas that came in", "cups and pots", "our shop on Corner Street"} {
		body += "# News of " + about + "\n\n" + strings.Repeat("What is new is on the shelves since this morning, and we have kept some of it for you. ", 4) + "\n\n"
	}
	body += "[Have a look](https://shop.example/news)\n\nSee you soon, {{ member.first_name }}.\n"
	for name, extra := range map[string][2]string{"plain": {}, "coded": {"    coupon: back\n", "\nYour code: {{ coupon.code }}\n"}} {
		files["campaigns/"+name+"/campaign.yaml"] = "live: true\nstart: {launch: {about: text}}\nquiet: off\ntopic: offers\nclass: service\nsteps:\n  - mail: letter\n" + extra[0]
		files["campaigns/"+name+"/letter.en.md"] = "---\nsubject: \"{{ member.first_name }}, news of {{ launch.about }}\"\n---\n" + body + extra[1]
	}
	return files
}

// begin makes the database, the members and the program, and learns how large a mail is.
func (m *sending) begin(ctx context.Context) (err error) {
	if m.dir, err = os.MkdirTemp(m.Dir, "send-"); err != nil {
		return err
	}
	if m.db, err = store.Scratch(ctx, m.Server, store.Options{Conns: 2}); err != nil {
		return err
	}
	var name string
	if err := m.db.View(ctx, func(tx *store.Tx) error { return tx.One(&name, "select current_database()", nil) }); err != nil {
		return err
	}
	u, err := url.Parse(m.Server)
	if err != nil {
		return errors.New("the address of the server should be postgres://user:password@host:5432/database")
	}
	u.Path = "/" + name
	m.where = u.String()
	if m.redis, err = embedded.StartRedis(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	files := map[string]string{"members.csv": madeUp(m.Mails)}
	for name, text := range newsShop() {
		files["program/"+name] = text
	}
	if err := write(m.dir, files); err != nil {
		return err
	}
	m.watch("members", 1)
	for _, args := range [][]string{
		{"import", "members", "members.csv", "--consent", "offers", "--consent-source", "test", "--consent-at", "2026-01-01"},
		{"apply", "program"},
	} {
		if out, err := m.command(ctx, "127.0.0.1:1", 1, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("regulars %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	// Where the server cannot tell of its statements, what they take is not divided.
	_ = m.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("create extension if not exists pg_stat_statements", nil)
		return err
	})
	for _, table := range []string{"members", "member_topics", "facts"} {
		if err := m.db.Vacuum(ctx, table); err != nil {
			return err
		}
	}
	if err := m.measure(ctx); err != nil {
		return err
	}
	return m.startRelay()
}

// measure has a few mails sent to a sink that keeps them, to learn their size.
func (m *sending) measure(ctx context.Context) error {
	keeps, err := embedded.NewSink(embedded.SinkOptions{Keep: 1})
	if err != nil {
		return err
	}
	defer keeps.Close()
	r, err := m.replica(ctx, keeps.Addr(), m.Connections)
	if err != nil {
		return err
	}
	const few = 10
	if err := m.launch(ctx, "coded", "--limit", strconv.Itoa(few)); err != nil {
		return errors.Join(err, r.end())
	}
	waited, cancel := context.WithTimeout(ctx, peace)
	defer cancel()
	if err := keeps.Wait(waited, few); err != nil {
		return errors.Join(fmt.Errorf("the first mails: %w", err), r.end())
	}
	m.size = len(keeps.Mails()[0].Source)
	return r.end()
}

// startRelay starts smtp-sink on a free port.
func (m *sending) startRelay() error {
	for _, addr := range []*string{&m.relay, &m.door} {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		*addr = free.Addr().String()
		free.Close()
	}
	sink, source := postfix("smtp-sink"), postfix("smtp-source")
	if sink == "" || source == "" {
		return ErrNoPostfix
	}
	args := []string{m.relay, "1024"}
	if os.Getuid() == 0 { // it does not work as root
		args = append([]string{"-u", "nobody"}, args...)
	}
	m.sink = exec.Command(sink, args...)
	if err := m.sink.Start(); err != nil {
		return err
	}
	for range 100 {
		if c, err := net.Dial("tcp", m.relay); err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("smtp-sink does not answer at %s", m.relay)
}

// postfix is where one of its programs lies; "": nowhere.
func postfix(program string) string {
	for _, name := range []string{program, "/usr/sbin/" + program, "/usr/local/sbin/" + program, "/opt/homebrew/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func (m *sending) environment(relay string, connections int) []string {
	return append(os.Environ(), "DATABASE_URL="+m.where, "REDIS_URL=redis://"+m.redis.Addr(), "SMTP_URL=smtp://"+relay+"?tls=off&connections="+strconv.Itoa(connections),
		"BASE_URL=https://mail.shop.example", "SECRET_KEY="+strings.Repeat("0123456789abcdef", 4), "LISTEN=127.0.0.1:0", "LOG_LEVEL=error",
		"WIRE_LOG="+filepath.Join(m.dir, "wire"))
}

func (m *sending) command(ctx context.Context, relay string, connections int, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, m.Program, args...)
	c.Env, c.Dir = m.environment(relay, connections), m.dir
	return c
}

// replica starts one, which hands over to that relay, with further settings.
func (m *sending) replica(ctx context.Context, relay string, connections int, settings ...string) (*replica, error) {
	r := &replica{ctx: ctx, site: &site{Faults: Faults{Program: m.Program}, dir: m.dir, env: append(m.environment(relay, connections), settings...)}}
	return r, r.start()
}

// end stops and removes everything.
func (m *sending) end() (err error) {
	if m.sink != nil && m.sink.Process != nil {
		_ = m.sink.Process.Kill()
		_ = m.sink.Wait() // killed
	}
	if m.redis != nil {
		m.redis.Close()
	}
	if m.db != nil {
		err = m.db.Close()
	}
	if m.dir != "" {
		err = errors.Join(err, os.RemoveAll(m.dir))
	}
	return err
}

// write writes files into a folder.
func write(dir string, files map[string]string) error {
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

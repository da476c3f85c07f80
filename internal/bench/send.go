package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"regulars/internal/embedded"
	"regulars/internal/store"
)

// Send measures how fast a run of personal mails is handed over by a replica of the
// program, with its ledger on Postgres. Its peers hand the same number of mails to the
// same relay (Postfix's smtp-sink): Postfix's smtp-source one constant mail of the same
// size, a plain loop over go-mail one that it fills in, and whatever else is named.
// All take turns, so that each meets the same machine.
type Send struct {
	Program string // the program's binary
	Server  string // the Postgres server on which a database of our own is made
	Dir     string // a folder of our own

	Mails       int      // of a run
	Rounds      int      // the median of which is told
	Connections int      // to the relay
	Far         bool     // also over a wire of 20 ms each way, with 50 and 200 connections
	Against     []string // commands of other senders, which find RELAY, MAILS and SIZE in their environment

	Watch func(stage string, total int64) (tick func(n int64)) // as of Segments
}

// FullSend is the number of mails for which the targets are meant.
const FullSend = 100_000

// Pace is one way to hand mails over, measured.
type Pace struct {
	Work      string        `json:"work"`
	N         int           `json:"n"`
	PerSecond float64       `json:"per_second"`                // the median of the rounds
	Ours      time.Duration `json:"cpu_ours_ns,omitempty"`     // of the sender for each mail
	Database  time.Duration `json:"cpu_database_ns,omitempty"` // of the server's processes
	Relay     time.Duration `json:"cpu_relay_ns,omitempty"`    // of smtp-sink
	Memory    int64         `json:"memory,omitempty"`          // of the replica at its highest
	Ratio     float64       `json:"ratio,omitempty"`           // to smtp-source, or to what Peer says
	Peer      string        `json:"peer,omitempty"`
	Target    string        `json:"target,omitempty"`
	Met       bool          `json:"met"`

	rates []float64
}

// SendOutcome is what was measured.
type SendOutcome struct {
	Mails       int    `json:"mails"`
	Rounds      int    `json:"rounds"`
	Connections int    `json:"connections"`
	Size        int    `json:"size"` // bytes of a mail
	Paces       []Pace `json:"paces"`

	Beside *Beside `json:"beside"` // of single mails, while a run is sent

	Parts  []Part  `json:"parts"`  // of what a mail takes in the runs that are held against smtp-source
	Bounds []Bound `json:"bounds"` // of their rates
}

// Full reports whether the size is that for which the targets are meant.
func (o SendOutcome) Full() bool { return o.Mails >= FullSend }

// Missed returns what did not meet its target.
func (o SendOutcome) Missed() (works []string) {
	for _, p := range o.Paces {
		if p.Target != "" && !p.Met {
			works = append(works, p.Work)
		}
	}
	if o.Beside != nil && !o.Beside.Met {
		works = append(works, "fifth orders beside a run")
	}
	return works
}

// The names of what is measured.
const (
	constant = "smtp-source, one constant mail"
	loop     = "a plain loop over go-mail"
	personal = "a run of personal mails"
	coded    = "a run with a code each"
	farRun   = "a run over 20 ms each way, %d connections"
)

// campaigns are those of runs.
var campaigns = map[string]string{personal: "plain", coded: "coded"}

const (
	mostMemory = 64 << 20              // of a replica, whatever the size of its run
	farAway    = 20 * time.Millisecond // each way
	loopShare  = 10                    // the plain loop hands over one mail in so many: its rate does not change
)

// farConnections are how many connections such a wire gets: few, and as many as the rate
// of a short one needs.
var farConnections = []int{50, 200}

// sending is one measurement.
type sending struct {
	Send
	dir    string
	where  string // the address of the database
	db     *store.DB
	redis  *embedded.Redis
	relay  string // address of the sink
	door   string // where the replica tells what it does
	sink   *exec.Cmd
	size   int // of a mail
	rounds int // launches so far
}

// Run measures everything, in turn.
func (s Send) Run(ctx context.Context) (out SendOutcome, err error) {
	out = SendOutcome{Mails: s.Mails, Rounds: s.Rounds, Connections: s.Connections}
	m := &sending{Send: s}
	defer func() { err = errors.Join(err, m.end()) }()
	if err := m.begin(ctx); err != nil {
		return out, err
	}
	out.Size = m.size
	near := []*Pace{{Work: constant, N: s.Mails}, {Work: loop, N: max(1, s.Mails/loopShare)}, {Work: personal, N: s.Mails}, {Work: coded, N: s.Mails}}
	for _, command := range s.Against {
		near = append(near, &Pace{Work: command, N: s.Mails})
	}
	r, err := m.replica(ctx, m.relay, s.Connections, "PPROF_LISTEN="+m.door)
	if err != nil {
		return out, err
	}
	for range s.Rounds {
		for _, p := range near {
			if err := m.round(ctx, r, p); err != nil {
				return out, errors.Join(fmt.Errorf("%s: %w", p.Work, err), r.end())
			}
		}
	}
	judge(near, peakMemoryOf(strconv.Itoa(r.pid())))
	for _, p := range near {
		out.Paces = append(out.Paces, *p)
		if p.Work == personal || p.Work == coded {
			parts, err := m.parts(ctx, r, *p)
			if err != nil {
				return out, errors.Join(fmt.Errorf("the parts of %s: %w", p.Work, err), r.end())
			}
			out.Parts = append(out.Parts, parts...)
		}
	}
	if err := r.end(); err != nil {
		return out, err
	}
	out.Bounds = bounds(near)
	signed, err := m.signed(ctx, out.Paces[2].PerSecond)
	if err != nil {
		return out, err
	}
	out.Paces = append(out.Paces, signed...)
	if out.Beside, err = m.beside(ctx); err != nil {
		return out, err
	}
	if !s.Far {
		return out, nil
	}
	for _, connections := range farConnections {
		p, err := m.far(ctx, out.Paces[2].PerSecond, connections)
		if err != nil {
			return out, err
		}
		out.Paces = append(out.Paces, p)
	}
	return out, nil
}

// judge holds what was measured against its targets.
func judge(paces []*Pace, memory int64) {
	for _, p := range paces {
		p.PerSecond = median(p.rates)
	}
	source, plain := paces[0].PerSecond, paces[1].PerSecond
	for _, p := range paces[1:] {
		p.Ratio, p.Peer = p.PerSecond/source, "smtp-source"
		switch p.Work {
		case personal:
			p.Memory = memory
			p.Target = fmt.Sprintf(">= 1.0 x smtp-source, >= 4 x go-mail, <= %d MB", mostMemory>>20)
			p.Met = p.Ratio >= 1 && p.PerSecond >= 4*plain && memory <= mostMemory
		case coded:
			p.Target, p.Met = ">= 0.8 x smtp-source", p.Ratio >= 0.8
		}
	}
}

// far measures a run over a long wire, with so many connections, against one over a short
// wire. A mail takes a round trip, and so a connection carries no more than one in that
// time: what is more than all of them can carry is not asked of it.
func (m *sending) far(ctx context.Context, near float64, connections int) (p Pace, err error) {
	wire, err := newGate(m.relay, farAway)
	if err != nil {
		return p, err
	}
	defer wire.end()
	r, err := m.replica(ctx, wire.addr(), connections)
	if err != nil {
		return p, err
	}
	p = Pace{Work: fmt.Sprintf(farRun, connections), N: m.Mails}
	for range m.Rounds {
		if err := m.run(ctx, r, &p, "plain"); err != nil {
			return p, errors.Join(fmt.Errorf("%s: %w", p.Work, err), r.end())
		}
	}
	p.PerSecond, p.Memory = median(p.rates), peakMemoryOf(strconv.Itoa(r.pid()))
	p.judgeFar(near, float64(connections)*float64(time.Second)/float64(2*farAway))
	return p, r.end()
}

// judgeFar holds a run over a long wire against the one over a short wire, or against what
// the connections can carry, where that is less.
func (p *Pace) judgeFar(near, carry float64) {
	against := near
	if p.Peer = "the run without it"; carry < near {
		against, p.Peer = carry, fmt.Sprintf("the %.0f a second that they carry", carry)
	}
	p.Ratio = p.PerSecond / against
	p.Target, p.Met = ">= 0.9 x "+p.Peer, p.Ratio >= 0.9
}

// round measures a way once more.
func (m *sending) round(ctx context.Context, r *replica, p *Pace) error {
	switch p.Work {
	case personal, coded:
		return m.run(ctx, r, p, campaigns[p.Work])
	case loop:
		return m.timed(p, os.Getpid(), func() error { return m.plainLoop(ctx, p.N) })
	case constant:
		source := exec.CommandContext(ctx, postfix("smtp-source"), "-d", "-s", strconv.Itoa(m.Connections), "-m", strconv.Itoa(p.N), "-l", strconv.Itoa(m.size),
			"-f", "hello@shop.example", "-t", "m-0000001@example.test", m.relay)
		return m.foreign(p, source)
	}
	other := exec.CommandContext(ctx, "/bin/sh", "-c", p.Work)
	other.Env = append(os.Environ(), "RELAY="+m.relay, "MAILS="+strconv.Itoa(p.N), "SIZE="+strconv.Itoa(m.size))
	return m.foreign(p, other)
}

// foreign measures another program, from its start to its end.
func (m *sending) foreign(p *Pace, c *exec.Cmd) error {
	return m.timed(p, 0, func() error {
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %.500s", err, out)
		}
		p.Ours += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
		return nil
	})
}

// timed runs f, which hands a round of mails over, and notes what it cost the sender's
// process (0: f notes it) and the relay's.
func (m *sending) timed(p *Pace, sender int, f func() error) error {
	tick := m.watch(p.Work, int64(p.N))
	before, relay, began, cost := cpuOf(sender), cpuOf(m.sink.Process.Pid), time.Now(), p.Ours
	p.Ours = 0
	if err := f(); err != nil {
		return err
	}
	took := time.Since(began)
	tick(int64(p.N))
	p.rates = append(p.rates, float64(p.N)/took.Seconds())
	rounds := time.Duration(len(p.rates))
	share := func(sum, more time.Duration) time.Duration {
		return (sum*(rounds-1) + more/time.Duration(p.N)) / rounds
	}
	p.Ours = share(cost, p.Ours+cpuOf(sender)-before)
	p.Relay = share(p.Relay, cpuOf(m.sink.Process.Pid)-relay)
	return nil
}

// plainLoop is how one would send without us: a mail is made and handed over by one
// connection, one after the other.
func (m *sending) plainLoop(ctx context.Context, n int) error {
	host, port, err := net.SplitHostPort(m.relay)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	client, err := mail.NewClient(host, mail.WithPort(number), mail.WithTLSPolicy(mail.NoTLS), mail.WithHELO("shop.example"))
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return err
	}
	text := strings.Repeat("What is new is on the shelves since this morning, and we have kept some of it for you.\n", max(1, m.size/2/90))
	for i := range n {
		letter := mail.NewMsg()
		to := fmt.Sprintf("m-%07d@example.test", i)
		if err := errors.Join(letter.FromFormat("Corner Shop", "hello@shop.example"), letter.To(to)); err != nil {
			return err
		}
		letter.Subject("Ana, news of " + strconv.Itoa(i))
		letter.SetBodyString(mail.TypeTextPlain, "Hello Ana,\n\n"+text)
		letter.AddAlternativeString(mail.TypeTextHTML, "<p>Hello Ana,</p><p>"+text+"</p>")
		if err := client.Send(letter); err != nil {
			return err
		}
	}
	return client.Close()
}

// run has the replica send a run, from the end of its launch to the end of its last
// chunk.
func (m *sending) run(ctx context.Context, r *replica, p *Pace, campaign string, more ...string) error {
	if err := m.launch(ctx, campaign, more...); err != nil {
		return err
	}
	return m.measured(ctx, r, p)
}

// parts divides what a mail of a run takes, by what one more run shows: its own rate does
// not count, for a replica that is looked at is slower and larger.
func (m *sending) parts(ctx context.Context, r *replica, p Pace) ([]Part, error) {
	if err := m.launch(ctx, campaigns[p.Work]); err != nil {
		return nil, err
	}
	before, end := m.statements(ctx), profiling(ctx, m.door)
	err := m.measured(ctx, r, &Pace{N: p.N})
	found, failed := end()
	return partsOf(p, found, since(before, m.statements(ctx))), errors.Join(err, failed)
}

// measured waits until the run that was launched is at its end, and notes its rate and
// what it cost.
func (m *sending) measured(ctx context.Context, r *replica, p *Pace) error {
	server, err := m.server(ctx)
	if err != nil {
		return err
	}
	if err := m.timed(p, r.pid(), func() error { return m.finished(ctx) }); err != nil {
		return err
	}
	after, err := m.server(ctx)
	rounds := time.Duration(len(p.rates))
	p.Database = (p.Database*(rounds-1) + max(0, after-server)/time.Duration(p.N)) / rounds
	return err
}

// finished waits until no chunk is open.
func (m *sending) finished(ctx context.Context) error {
	for {
		var left bool
		err := m.db.View(ctx, func(tx *store.Tx) error {
			return tx.One(&left, "select exists (select 1 from chunks where not done)", nil)
		})
		if err != nil || !left {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// launch launches a campaign once more, and makes sure of how many it goes to.
func (m *sending) launch(ctx context.Context, campaign string, more ...string) error {
	m.watch("freezing", 1)
	m.rounds++
	args := append([]string{"campaign", "launch", campaign, "about=round " + strconv.Itoa(m.rounds), "--yes"}, more...)
	if out, err := m.command(ctx, "127.0.0.1:1", 1, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("regulars %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// server is the time that the database's processes have taken for us.
func (m *sending) server(ctx context.Context) (time.Duration, error) {
	return (&ingesting{db: m.db}).cpuServer(ctx)
}

func (m *sending) watch(stage string, total int64) func(int64) {
	if m.Watch == nil {
		return func(int64) {}
	}
	return m.Watch(stage, total)
}

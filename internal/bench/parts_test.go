package bench

import (
	"bytes"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"
)

// A profile that Go wrote is read: who waits here is found under its name.
func TestAProfileIsRead(t *testing.T) {
	begun, end := make(chan bool), make(chan bool)
	go waitsToBeFound(begun, end)
	defer close(end)
	<-begun
	var written bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&written, 0); err != nil {
		t.Fatal(err)
	}
	stacks, err := stacksOf(written.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	found := slices.ContainsFunc(stacks, func(s stack) bool {
		return s.n == 1 && slices.ContainsFunc(s.functions, func(name string) bool { return strings.HasSuffix(name, "bench.waitsToBeFound") })
	})
	if !found {
		t.Errorf("a goroutine that waits is not in its own profile: %v", stacks)
	}
	if _, err := stacksOf(written.Bytes()[:written.Len()/2]); err == nil {
		t.Error("half a profile is read without an error")
	}
}

func waitsToBeFound(begun, end chan bool) {
	begun <- true
	<-end
}

func TestWhereAStackBelongs(t *testing.T) {
	t.Parallel()
	for want, functions := range map[string][]string{
		partWire:     {"syscall.write", "regulars/internal/delivery/smtp.(*conn).send", "regulars/internal/delivery.(*worker).hand"},
		partLetters:  {"runtime.memmove", "regulars/internal/delivery/compose.(*Compiled).Fill", "regulars/internal/delivery.(*writer).quick", "regulars/internal/delivery.(*worker).write.func1"},
		partReading:  {"github.com/jackc/pgx/v5.(*Conn).Query", "regulars/internal/consent.Load", "regulars/internal/delivery.(*chunkClaim).next.func1"},
		partMark:     {"github.com/jackc/pgx/v5.(*Conn).Query", "regulars/internal/consent.Reload", "regulars/internal/delivery.(*chunkClaim).mark.func1"},
		partOutcome:  {"encoding/json.Marshal", "regulars/internal/delivery.record", "regulars/internal/delivery.(*worker).record"},
		partGarbage:  {"runtime.scanobject", "runtime.gcAssistAlloc", "regulars/internal/delivery.(*writer).quick"},
		partSchedule: {"runtime.futex", "runtime.findRunnable", "runtime.schedule"},
		partRest:     {"net/http.(*conn).serve"},
	} {
		if got := partOf(functions); got != want {
			t.Errorf("partOf(%v) = %q, want %q", functions, got, want)
		}
	}
}

func TestTheBoundIsWhatTheProcessorsAllow(t *testing.T) {
	t.Parallel()
	us := func(n int) time.Duration { return time.Duration(n) * time.Microsecond }
	for _, tt := range []struct {
		name                       string
		source, run                Pace
		wantSource, high, ratio, w float64
	}{
		{"two cores full on both sides", Pace{Ours: us(50), Relay: us(50)}, Pace{Ours: us(100), Database: us(50), Relay: us(50), Ratio: 0.4}, 20_000, 10_000, 0.5, 2.0 / 150e-6 / 20_000},
		{"one thread holds smtp-source up", Pace{Ours: us(100), Relay: us(25)}, Pace{Ours: us(50), Database: us(25), Relay: us(25)}, 10_000, 20_000, 2, 2.0 / 75e-6 / 10_000},
		{"one thread of the relay holds both up", Pace{Ours: us(20), Relay: us(100)}, Pace{Ours: us(20), Database: us(10), Relay: us(100)}, 10_000, 10_000, 1, 1},
		{"nothing was measured", Pace{}, Pace{}, 0, 0, 0, 0},
	} {
		b := boundOf(2, tt.source, tt.run)
		near := func(x, y float64) bool { return x-y < 1e-6*(1+y) && y-x < 1e-6*(1+y) }
		if !near(b.Source, tt.wantSource) || !near(b.Highest, tt.high) || !near(b.Ratio, tt.ratio) || !near(b.WithoutStore, tt.w) || b.Reached != tt.run.Ratio {
			t.Errorf("%s: boundOf = %+v, want %v and %v, %v × and %v × without a ledger", tt.name, b, tt.wantSource, tt.high, tt.ratio, tt.w)
		}
	}
}

func TestPartsComeToTheWhole(t *testing.T) {
	t.Parallel()
	p := Pace{Work: personal, Ours: 100 * time.Microsecond, Database: 60 * time.Microsecond, Relay: 40 * time.Microsecond}
	parts := partsOf(p, map[string]int64{partWire: 3, partLetters: 1}, nil)
	want := []Part{
		{personal, "sender", partWire, 75 * time.Microsecond}, {personal, "sender", partLetters, 25 * time.Microsecond},
		{personal, "database", "not divided: nothing was found", 60 * time.Microsecond}, {personal, "relay", "smtp-sink", 40 * time.Microsecond},
	}
	if !slices.Equal(parts, want) {
		t.Errorf("partsOf = %v, want %v", parts, want)
	}
}

func TestALongWireIsHeldAgainstWhatItsConnectionsCarry(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rate, near, carry float64
		met               bool
		peer              string
	}{
		{1130, 4400, 1250, true, "the 1250 a second that they carry"},
		{1000, 4400, 1250, false, "the 1250 a second that they carry"},
		{4000, 4400, 5000, true, "the run without it"},
		{3900, 4400, 5000, false, "the run without it"},
	} {
		p := Pace{PerSecond: tt.rate}
		if p.judgeFar(tt.near, tt.carry); p.Met != tt.met || p.Peer != tt.peer {
			t.Errorf("%.0f a second beside %.0f without the wire: met %t against %s, want %t against %s", tt.rate, tt.near, p.Met, p.Peer, tt.met, tt.peer)
		}
	}
}

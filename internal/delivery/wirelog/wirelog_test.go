package wirelog_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"regulars/internal/delivery/wirelog"
	"regulars/internal/patiently"
)

const shop = 7

func create(t *testing.T, folder string) *wirelog.Log {
	t.Helper()
	l, err := wirelog.Create(folder, shop)
	if errors.Is(err, wirelog.ErrNoBoot) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(l) }) // some are by then
	return l
}

func key(n int) wirelog.Key { return wirelog.Key{Send: int64(n), Fence: 3} }

// closed closes a log while this process starts no other one: until that has become another
// program it holds the log, too, which then looks alive.
func closed(l *wirelog.Log) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	l.Close()
}

// dead returns what dead processes left, by owner, and has settle say whether that is over.
func dead(t *testing.T, folder string, over bool) map[int64]wirelog.Left {
	t.Helper()
	found := map[int64]wirelog.Left{}
	err := wirelog.Dead(context.Background(), folder, shop, patiently.AtMost, func(l wirelog.Left) (bool, error) { found[l.Owner] = l; return over, nil })
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func files(t *testing.T, folder string) (names []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(folder, "*"+wirelog.Ending))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatADeadProcessHadOnTheWireIsFoundOnce(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "made", "by", "us")
	l := create(t, folder)
	a, err := l.Begin(key(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Begin(key(2)); err != nil {
		t.Fatal(err)
	}
	refused := wirelog.Answer{Stage: 6, Code: 550, Enhanced: [3]uint16{5, 7, 510}}
	if err := l.Answer(a, key(1), refused); err != nil {
		t.Fatal(err)
	}
	if found := dead(t, folder, true); len(found) != 0 {
		t.Errorf("the log of a living process is read: %v", found)
	}
	closed(l)
	if left := dead(t, folder, false)[l.Owner()]; !left.Whole || len(left.Marks) != 2 || left.Marks[key(1)] != (wirelog.Mark{Answered: true, Answer: refused}) || left.Marks[key(2)] != (wirelog.Mark{}) {
		t.Errorf("a dead process left %+v, want one mail begun and one answered", left)
	}
	if got := len(dead(t, folder, true)); got != 1 {
		t.Errorf("a log that is not over was found %d times more, want 1", got)
	}
	if found := dead(t, folder, true); len(found) != 0 || len(files(t, folder)) != 0 {
		t.Errorf("a log that is over is still there: %v, %v", found, files(t, folder))
	}
}

func TestALogOfAnotherBootOrShopIsLeftAlone(t *testing.T) {
	t.Parallel()
	boot, err := wirelog.Boot()
	if err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct {
		name, old, new string
		age            time.Duration
		stays          bool
	}{
		{"of another boot", boot, "00000000-0000-0000-0000-000000000000", 0, true},
		{"of another boot, and old", boot, "00000000-0000-0000-0000-000000000000", 8 * 24 * time.Hour, false},
		{"of another shop", fmt.Sprintf("shop %016x", shop), fmt.Sprintf("shop %016x", shop+1), 8 * 24 * time.Hour, true},
		{"of another version", "wire log 1", "wire log 2", 0, true},
		{"of nobody", "", "", 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			l := create(t, folder)
			if _, err := l.Begin(key(1)); err != nil {
				t.Fatal(err)
			}
			closed(l)
			file := files(t, folder)[0]
			all, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(string(all), tt.old, tt.new, 1)
			if tt.old == "" {
				text = "something else"
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			when := time.Now().Add(-tt.age)
			if err := os.Chtimes(file, when, when); err != nil {
				t.Fatal(err)
			}
			if found := dead(t, folder, true); len(found) != 0 {
				t.Errorf("it is read: %v", found)
			}
			if stays := len(files(t, folder)) == 1; stays != tt.stays {
				t.Errorf("it stays: %v, want %v", stays, tt.stays)
			}
		})
	}
}

// What killed processes of other shops left stays, and is looked at twice a second: no more
// of it is read than whose it is. Beside nothing else, for all that is allocated counts.
func TestLogsOfOtherShopsAreNotReadWhole(t *testing.T) {
	folder := t.TempDir()
	for range 8 {
		l, err := wirelog.Create(folder, shop+1)
		if errors.Is(err, wirelog.ErrNoBoot) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		closed(l)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	found := dead(t, folder, true)
	runtime.ReadMemStats(&after)
	if read := after.TotalAlloc - before.TotalAlloc; len(found) > 0 || read > 256<<10 {
		t.Errorf("%d logs are settled with %d bytes, want none with few", len(found), read)
	}
}

// A log that is damaged anywhere never says more than it did: a mail that was begun is
// begun, or the log is not whole.
func TestADamagedLogSaysThatSomethingIsMissing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	l := create(t, folder)
	var want []wirelog.Key
	for i := range 20 {
		place, err := l.Begin(key(i))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, key(i))
		if i%2 == 0 {
			if err := l.Answer(place, key(i), wirelog.Answer{Stage: 7, Code: 250}); err != nil {
				t.Fatal(err)
			}
		}
	}
	closed(l)
	all, err := os.ReadFile(files(t, folder)[0])
	if err != nil {
		t.Fatal(err)
	}
	written := wirelog.HeadSize + 20*wirelog.SlotSize
	check := func(what string, damaged []byte) {
		t.Helper()
		left, err := wirelog.Read(damaged)
		if err != nil || !left.Whole {
			return
		}
		for _, k := range want {
			if _, in := left.Marks[k]; !in {
				t.Errorf("%s: the log is whole, and %v was never begun", what, k)
			}
		}
		if len(left.Marks) != len(want) {
			t.Errorf("%s: the log knows %d mails, want %d", what, len(left.Marks), len(want))
		}
	}
	check("as it was", all)
	for at := range written {
		for _, bit := range []byte{1, 0x80} {
			damaged := slices.Clone(all)
			damaged[at] ^= bit
			check(fmt.Sprintf("byte %d", at), damaged)
		}
	}
	for _, size := range []int{0, 1, wirelog.HeadSize, written - 5, written, len(all) - 1} {
		check(fmt.Sprintf("cut at %d", size), all[:size])
	}
	check("longer", append(slices.Clone(all), 0))
	moved := slices.Clone(all) // a slot in another's place
	copy(moved[wirelog.HeadSize+wirelog.SlotSize:], all[wirelog.HeadSize:wirelog.HeadSize+wirelog.SlotSize])
	check("a slot twice", moved)
	torn := slices.Clone(all) // the second half of a slot was not written
	clear(torn[wirelog.HeadSize+16 : wirelog.HeadSize+wirelog.SlotSize])
	check("a torn slot", torn)
}

func TestTheRingWritesAnewWhatIsRecordedAndNothingElse(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	l := create(t, folder)
	size := func() int64 {
		info, err := os.Stat(files(t, folder)[0])
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	before := size()
	if _, err := l.Begin(key(-1)); err != nil { // never recorded
		t.Fatal(err)
	}
	for i := range 3 * wirelog.Slots {
		place, err := l.Begin(key(i))
		if err != nil {
			t.Fatal(err)
		}
		l.Free(place)
	}
	if got := size(); got != before {
		t.Errorf("the log has %d bytes after so many mails, and had %d", got, before)
	}
	for i := range wirelog.Slots - 1 {
		if _, err := l.Begin(key(10*wirelog.Slots + i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Begin(key(0)); !errors.Is(err, wirelog.ErrFull) {
		t.Errorf("a log without a free slot says %v", err)
	}
	closed(l)
	left := dead(t, folder, true)[l.Owner()]
	if _, in := left.Marks[key(-1)]; !in || len(left.Marks) != wirelog.Slots {
		t.Errorf("the log knows %d mails, and of the one that was never recorded: %v", len(left.Marks), in)
	}
}

// A file that somebody cut, or whose disk is gone, is an error and not the end.
func TestALogThatCannotBeWrittenSaysSo(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	l := create(t, folder)
	place, err := l.Begin(key(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(files(t, folder)[0], 0); err != nil {
		t.Fatal(err)
	}
	if err := l.Answer(place, key(1), wirelog.Answer{}); err == nil {
		t.Error("an answer is written into a file that is cut")
	}
	if _, err := l.Begin(key(2)); err == nil {
		t.Error("a mail is begun in a file that is cut")
	}
	closed(l)
	if _, err := l.Begin(key(3)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a log that is closed says %v", err)
	}
	if found := dead(t, folder, true); len(found) != 0 {
		t.Errorf("a file that is cut is read: %v", found)
	}
}

// What waits for its turn to settle does so, or leaves it to the other.
func TestOneProcessSettlesAtATime(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	create(t, folder).Close()
	err := wirelog.Dead(context.Background(), folder, shop, patiently.AtMost, func(wirelog.Left) (bool, error) {
		if err := wirelog.Dead(context.Background(), folder, shop, 50*time.Millisecond, func(wirelog.Left) (bool, error) {
			t.Error("two settle at once")
			return false, nil
		}); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if err := wirelog.Dead(ctx, folder, shop, time.Hour, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who waits for a turn that does not come says %v", err)
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMain is also the process that is killed: it begins mails and says so.
func TestMain(m *testing.M) {
	if folder := os.Getenv("WIRELOG_TO_BE_KILLED"); folder != "" {
		l, err := wirelog.Create(folder, shop)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		for i := 0; ; i++ {
			place, err := l.Begin(key(i))
			fmt.Println("begun", i, err)
			if err = l.Answer(place, key(i), wirelog.Answer{Stage: 7, Code: 250}); i%3 != 0 {
				fmt.Println("answered", i, err)
				l.Free(place)
			}
		}
	}
	os.Exit(m.Run())
}

// A process that is killed at any moment has written down what it says it has.
func TestAKilledProcessHasWrittenDownWhatItSaidSo(t *testing.T) {
	t.Parallel()
	if _, err := wirelog.Boot(); err != nil {
		t.Skip(err)
	}
	var all sync.WaitGroup
	for round := range 12 {
		all.Go(func() {
			folder := t.TempDir()
			p := exec.Command(os.Args[0])
			p.Env = append(os.Environ(), "WIRELOG_TO_BE_KILLED="+folder)
			out, err := p.StdoutPipe()
			if err != nil {
				t.Error(err)
				return
			}
			if err := p.Start(); err != nil {
				t.Error(err)
				return
			}
			said := map[string][]int{}
			lines := bufio.NewScanner(out)
			for n := 0; lines.Scan(); n++ {
				var what, wrong string
				var i int
				if fmt.Sscan(lines.Text(), &what, &i, &wrong); wrong != "<nil>" {
					continue // cut by the kill
				}
				said[what] = append(said[what], i)
				if n == 100+137*round {
					p.Process.Kill() // what it says until it is dead counts, too
				}
			}
			_ = p.Wait() // killed
			left := dead(t, folder, true)
			if len(left) != 1 {
				t.Errorf("%d logs are left, want 1: %v", len(left), files(t, folder))
				return
			}
			for l := range maps.Values(left) {
				for what, ids := range said {
					for _, i := range ids {
						if m, in := l.Marks[key(i)]; !l.Whole || !in || what == "answered" && !m.Answered {
							t.Errorf("round %d: mail %d was %s, and the log (whole: %v) says %v, %+v", round, i, what, l.Whole, in, m)
						}
					}
				}
			}
		})
	}
	all.Wait()
}

func FuzzRead(f *testing.F) {
	folder := f.TempDir()
	l, err := wirelog.Create(folder, shop)
	if err != nil {
		f.Skip(err)
	}
	place, err := l.Begin(key(1))
	if err != nil {
		f.Fatal(err)
	}
	if _, err := l.Begin(key(2)); err != nil {
		f.Fatal(err)
	}
	if err := l.Answer(place, key(1), wirelog.Answer{Stage: 6, Code: 451, Enhanced: [3]uint16{4, 3, 0}}); err != nil {
		f.Fatal(err)
	}
	closed(l)
	names, _ := filepath.Glob(filepath.Join(folder, "*"+wirelog.Ending))
	all, err := os.ReadFile(names[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(all[:wirelog.HeadSize+3*wirelog.SlotSize])
	f.Add(all[:wirelog.HeadSize])
	f.Add([]byte("regulars wire log 1 boot"))
	f.Fuzz(func(t *testing.T, some []byte) {
		left, err := wirelog.Read(some)
		if err != nil {
			return
		}
		if left.Owner == 0 {
			t.Error("a log without an owner is read")
		}
		if left.Whole != (len(some) == len(all)) && len(some) != len(all) {
			t.Errorf("a log of %d bytes is whole", len(some))
		}
		for k := range left.Marks { // they are in the bytes, in their places
			if k != key(1) && k != key(2) && len(some) < wirelog.HeadSize+wirelog.SlotSize {
				t.Errorf("%v came from nowhere", k)
			}
		}
	})
}

// What a mail costs: its begin, its answer and its place.
func BenchmarkMail(b *testing.B) {
	l, err := wirelog.Create(b.TempDir(), shop)
	if err != nil {
		b.Skip(err)
	}
	defer closed(l)
	for i := 0; b.Loop(); i++ {
		place, err := l.Begin(key(i))
		if err == nil {
			err = l.Answer(place, key(i), wirelog.Answer{Stage: 7, Code: 250})
		}
		if err != nil {
			b.Fatal(err)
		}
		l.Free(place)
	}
}

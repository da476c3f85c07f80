package bench

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// profileSpan is how long one profile of a replica is: a run is covered by as many as it
// takes, for one that is broken off tells nothing.
const profileSpan = time.Second

// profiling counts in which part of the program the replica at that address is whenever
// it is looked at, until end is called.
func profiling(ctx context.Context, addr string) (end func() (map[string]int64, error)) {
	parts := map[string]int64{}
	within, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		var err error
		for err == nil && within.Err() == nil {
			err = profileOnce(ctx, addr, parts)
		}
		done <- err
	}()
	return func() (map[string]int64, error) {
		stop()
		err := <-done
		return parts, err
	}
}

func profileOnce(ctx context.Context, addr string, parts map[string]int64) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", addr, int(profileSpan.Seconds())), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("the replica's profile: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	if err != nil {
		return fmt.Errorf("the replica's profile: %w", err)
	}
	stacks, err := stacksOf(body)
	for _, s := range stacks {
		parts[partOf(s.functions)] += s.n
	}
	return err
}

// The parts of the program that a mail of a run goes through.
const (
	partWire     = "the wire"
	partLetters  = "letters"
	partReading  = "first look: what the gate and the letter need"
	partMark     = "second look and mark"
	partOutcome  = "outcomes"
	partGarbage  = "garbage collection"
	partSchedule = "scheduling"
	partRest     = "the rest"
)

// programParts says by the functions of a stack to which part it belongs: the innermost
// that is named here decides.
var programParts = []struct{ function, part string }{
	{"runtime.gcBgMarkWorker", partGarbage}, {"runtime.gcAssistAlloc", partGarbage}, {"runtime.bgsweep", partGarbage}, {"runtime.bgscavenge", partGarbage},
	{"runtime.mcall", partSchedule}, {"runtime.schedule", partSchedule}, {"runtime.sysmon", partSchedule}, {"runtime.mstart", partSchedule},
	{"internal/delivery.(*writer).", partLetters}, {"internal/delivery.(*worker).write", partLetters},
	{"internal/delivery.(*chunkClaim).next", partReading},
	{"internal/delivery.(*chunkClaim).mark", partMark},
	{"internal/delivery.(*worker).record", partOutcome}, {"internal/delivery.(*worker).settle", partOutcome},
	{"internal/delivery.(*worker).hand", partWire}, {"internal/delivery.(*worker).pump", partWire}, {"internal/delivery/smtp.", partWire},
}

func partOf(functions []string) string {
	for _, name := range functions {
		for _, p := range programParts {
			if strings.Contains(name, p.function) {
				return p.part
			}
		}
	}
	return partRest
}

// stack is where a program was so many times.
type stack struct {
	functions []string // the innermost first
	n         int64
}

// errProfile says that a profile cannot be read.
var errProfile = errors.New("the profile is damaged")

// stacksOf reads a profile of Go's, which is a message of protocol buffers (profile.proto
// of github.com/google/pprof), packed by gzip.
func stacksOf(packed []byte) (stacks []stack, err error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errProfile, err)
	}
	body, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errProfile, err)
	}
	var samples []struct{ places, counts []uint64 }
	var words []string
	functions := map[uint64]uint64{} // to the number of its name
	places := map[uint64][]uint64{}  // to its functions, the innermost first
	err = fields(body, func(field, _ uint64, part []byte) error {
		switch field {
		case 2:
			var s struct{ places, counts []uint64 }
			err := fields(part, func(field, n uint64, list []byte) error {
				switch field {
				case 1:
					s.places = append(s.places, numbers(n, list)...)
				case 2:
					s.counts = append(s.counts, numbers(n, list)...)
				}
				return nil
			})
			samples = append(samples, s)
			return err
		case 4:
			var id uint64
			var inside []uint64
			err := fields(part, func(field, n uint64, line []byte) error {
				switch field {
				case 1:
					id = n
				case 4:
					return fields(line, func(field, n uint64, _ []byte) error {
						if field == 1 {
							inside = append(inside, n)
						}
						return nil
					})
				}
				return nil
			})
			places[id] = inside
			return err
		case 5:
			var id, name uint64
			err := fields(part, func(field, n uint64, _ []byte) error {
				switch field {
				case 1:
					id = n
				case 2:
					name = n
				}
				return nil
			})
			functions[id] = name
			return err
		case 6:
			words = append(words, string(part))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, s := range samples {
		if len(s.counts) == 0 {
			return nil, errProfile
		}
		one := stack{n: int64(s.counts[0])}
		for _, place := range s.places {
			for _, f := range places[place] {
				if name := functions[f]; name < uint64(len(words)) {
					one.functions = append(one.functions, words[name])
				}
			}
		}
		stacks = append(stacks, one)
	}
	return stacks, nil
}

// fields hands each field of a message to each: its number, its value where that is a
// number, and its bytes where it is none.
func fields(message []byte, each func(field, n uint64, part []byte) error) error {
	for len(message) > 0 {
		key, size := binary.Uvarint(message)
		if size <= 0 {
			return errProfile
		}
		message = message[size:]
		var n uint64
		var part []byte
		switch n, size = binary.Uvarint(message); {
		case size <= 0:
			return errProfile
		case key&7 == 2 && n <= uint64(len(message)-size):
			part, message = message[size:size+int(n)], message[size+int(n):]
		case key&7 == 0:
			message = message[size:]
		default: // profile.proto has no other kinds
			return errProfile
		}
		if err := each(key>>3, n, part); err != nil {
			return err
		}
	}
	return nil
}

// numbers are those of a field that has one, or a list of them.
func numbers(n uint64, list []byte) (all []uint64) {
	if list == nil {
		return []uint64{n}
	}
	for len(list) > 0 {
		n, size := binary.Uvarint(list)
		if size <= 0 {
			return all
		}
		all, list = append(all, n), list[size:]
	}
	return all
}

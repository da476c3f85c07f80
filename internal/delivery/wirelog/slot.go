package wirelog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Key names one try of one mail.
type Key struct{ Send, Fence int64 }

// Answer is what the relay said of a mail whose body had begun.
type Answer struct {
	Stage    uint8     // as the reader numbers them
	Code     uint16    // 0: none came
	Enhanced [3]uint16 // RFC 3463; zero: none
}

// Mark is what a log says of a try.
type Mark struct {
	Answered bool // else begun, and nothing more is known
	Answer
}

// The sizes of the parts of a log, in bytes.
const (
	headSize = 128
	slotSize = 32
	slots    = 16 << 10 // half a megabyte: at a thousand mails a second what 16 s wrote
)

// The kinds of slots.
const (
	begun    = 1
	answered = 2
)

var table = crc32.MakeTable(crc32.Castagnoli)

// sum is the checksum of a slot: it is good in its place in its log alone.
func sum(owner int64, place int, body []byte) uint32 {
	var where [16]byte
	binary.LittleEndian.PutUint64(where[:8], uint64(owner))
	binary.LittleEndian.PutUint64(where[8:], uint64(place))
	return crc32.Update(crc32.Checksum(where[:], table), table, body)
}

// put writes a slot down.
func put(to *[slotSize]byte, owner int64, place int, k Key, m Mark) {
	*to = [slotSize]byte{}
	le := binary.LittleEndian
	le.PutUint64(to[0:], uint64(k.Send))
	le.PutUint64(to[8:], uint64(k.Fence))
	if to[16] = begun; m.Answered {
		to[16], to[17] = answered, m.Stage
		le.PutUint16(to[18:], m.Code)
		for i, n := range m.Enhanced {
			le.PutUint16(to[20+2*i:], n)
		}
	}
	le.PutUint32(to[28:], sum(owner, place, to[:28]))
}

// errSlot says that a slot cannot be read.
var errSlot = errors.New("a slot is damaged")

// get reads a slot; ok is false of one that was never written.
func get(from []byte, owner int64, place int) (k Key, m Mark, ok bool, err error) {
	if [slotSize]byte(from) == ([slotSize]byte{}) {
		return k, m, false, nil
	}
	le := binary.LittleEndian
	if le.Uint32(from[28:]) != sum(owner, place, from[:28]) {
		return k, m, false, errSlot
	}
	k = Key{int64(le.Uint64(from[0:])), int64(le.Uint64(from[8:]))}
	switch from[16] {
	case begun:
	case answered:
		m.Answered, m.Stage, m.Code = true, from[17], le.Uint16(from[18:])
		for i := range m.Enhanced {
			m.Enhanced[i] = le.Uint16(from[20+2*i:])
		}
	default:
		return k, m, false, errSlot
	}
	return k, m, true, nil
}

// head is the line that begins a log: it can be read by people.
type head struct {
	boot        string
	shop, owner int64
}

func (h head) bytes() []byte {
	line := fmt.Sprintf("regulars wire log 1 boot %s shop %016x owner %016x\n", h.boot, uint64(h.shop), uint64(h.owner))
	all := make([]byte, headSize)
	copy(all, line)
	return all
}

// errHead says that a file is no log of ours.
var errHead = errors.New("this is no wire log of this version")

func readHead(from []byte) (h head, err error) {
	var shop, owner uint64
	if len(from) < headSize {
		return h, errHead
	}
	if _, err := fmt.Sscanf(string(from[:headSize]), "regulars wire log 1 boot %s shop %x owner %x\n", &h.boot, &shop, &owner); err != nil {
		return h, errHead
	}
	h.shop, h.owner = int64(shop), int64(owner)
	if string(h.bytes()) != string(from[:headSize]) || owner == 0 {
		return head{}, errHead
	}
	return h, nil
}

// Left is what a process left behind in its log.
type Left struct {
	Owner int64
	Marks map[Key]Mark
	Whole bool // all of it could be read: what it has no mark of was never begun
}

// read reads the slots of a log. Of two for one try that with the answer counts.
func read(h head, written []byte) Left {
	l := Left{Owner: h.owner, Marks: map[Key]Mark{}, Whole: len(written) == slots*slotSize}
	for place, rest := 0, written; len(rest) >= slotSize && place < slots; place, rest = place+1, rest[slotSize:] {
		k, m, ok, err := get(rest[:slotSize], h.owner, place)
		if err != nil {
			l.Whole = false
			continue
		}
		if ok && !l.Marks[k].Answered {
			l.Marks[k] = m
		}
	}
	return l
}

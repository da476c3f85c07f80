package importer

import "hash/maphash"

// ends tells of each order of a file which row is its last: the rows of one order may
// stand anywhere. Nearly all files have them side by side, and of these nothing is kept
// but bits, so that a file of any size takes little memory: what is kept by its number
// are the orders whose rows stand apart.
type ends struct {
	seed  maphash.Seed
	bits  []uint64       // of all orders that were seen
	apart map[uint64]int // order → its last row, of those that came again after another
	last  uint64         // order of the row before
	again bool           // it is one of apart
	rows  int
}

// newEnds is for a file of so many bytes.
func newEnds(size int64) *ends {
	const least, most = 1 << 14, 1 << 23 // words: 128 kB to 64 MB
	words := int64(least)
	for words < most && words < size/100 { // 16 bits for each order of some 25 bytes, packed
		words *= 2
	}
	return &ends{seed: maphash.MakeSeed(), bits: make([]uint64, words), apart: map[uint64]int{}}
}

func (e *ends) key(id string) uint64 { return maphash.String(e.seed, id) }

// see notes the next row of the file, of an order or of "".
func (e *ends) see(id string) {
	e.rows++
	if id == "" {
		return
	}
	key := e.key(id)
	if key != e.last || e.rows == 1 {
		e.last, e.again = key, e.mark(key)
	}
	if e.again {
		e.apart[key] = e.rows
	}
}

// mark reports whether an order was seen before, and hardly ever says so of one that was
// not; which is no harm.
func (e *ends) mark(key uint64) bool {
	there := true
	step := key>>32 | 1
	for n := range uint64(4) {
		bit := (key + n*step) % uint64(len(e.bits)*64)
		word, mask := &e.bits[bit/64], uint64(1)<<(bit%64)
		there = there && *word&mask != 0
		*word |= mask
	}
	return there
}

// of returns the last row of an order whose rows stand apart. Those of another end where
// the next order begins.
func (e *ends) of(id string) (row int, apart bool) {
	row, apart = e.apart[e.key(id)]
	return row, apart
}

package importer

import (
	"iter"
	"maps"
	"slices"
)

// byMember is a line of the file for each of some members. Their ids lie close together, so
// that one takes four bytes and those of a file of millions some megabytes.
type byMember map[int64]*[pageOfMembers]uint32

const pageOfMembers = 1024

func (b byMember) set(member int64, line int) {
	page := b[member/pageOfMembers]
	if page == nil {
		page = new([pageOfMembers]uint32)
		b[member/pageOfMembers] = page
	}
	page[member%pageOfMembers] = uint32(line)
}

// line returns the line of a member; 0: there is none.
func (b byMember) line(member int64) int {
	if page := b[member/pageOfMembers]; page != nil {
		return int(page[member%pageOfMembers])
	}
	return 0
}

// members returns those who have a line, by rising ids.
func (b byMember) members() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for _, n := range slices.Sorted(maps.Keys(b)) {
			for i, line := range b[n] {
				if line > 0 && !yield(n*pageOfMembers+int64(i)) {
					return
				}
			}
		}
	}
}

package importer

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestLinesByMemberAreThoseOfAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, got := map[int64]int{}, byMember{}
		for _, id := range rapid.SliceOf(rapid.Int64Range(1, 5*pageOfMembers)).Draw(t, "members") {
			line := rapid.IntRange(1, 1<<32-1).Draw(t, "line")
			want[id] = line
			got.set(id, line)
		}
		var members []int64
		for id := range int64(6 * pageOfMembers) {
			if got.line(id) != want[id] {
				t.Fatalf("member %d stands in line %d, want %d", id, got.line(id), want[id])
			}
			if want[id] > 0 {
				members = append(members, id)
			}
		}
		if all := slices.Collect(got.members()); !slices.Equal(all, members) {
			t.Fatalf("members %v, want %v", all, members)
		}
	})
}

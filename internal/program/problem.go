package program

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
)

// Level says what a problem stops.
type Level string

// An Error and a NotYet stop a version from being applied, a Warning does not.
const (
	Error   Level = "error"
	Warning Level = "warning"
	NotYet  Level = "not yet" // right by the format, but this version does not do it
)

// Problem is something wrong in a program directory, in words for the person who
// wrote it.
type Problem struct {
	File    string `json:"file"`             // path inside the directory, with slashes
	Line    int    `json:"line,omitempty"`   // from 1; 0: the file as a whole
	Column  int    `json:"column,omitempty"` // from 1, in characters
	Message string `json:"message"`          // what is wrong
	Hint    string `json:"hint,omitempty"`   // what would be right; "" when Message says it
	Level   Level  `json:"level"`
	Never   bool   `json:"never,omitempty"` // what stands there can never happen
}

// String returns one line: file, line and column, what is wrong, what would be right.
func (p Problem) String() string {
	text := p.File
	if p.Line > 0 {
		text = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	text += ": "
	if p.Level != Error {
		text += string(p.Level) + ": "
	}
	text += p.Message
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return text
}

// Blocked reports whether the problems keep the files from being applied.
func Blocked(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Level != Warning })
}

// inOrder puts what stops the version first and then warnings, each as a reader goes
// through the files, and leaves out what was said before.
func inOrder(problems []Problem) []Problem {
	warns := func(p Problem) int {
		if p.Level == Warning {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(warns(a), warns(b)),
			cmp.Compare(rank(a.File), rank(b.File)), cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
		)
	})
	said := map[Problem]bool{}
	return slices.DeleteFunc(problems, func(p Problem) bool {
		before := said[p]
		said[p] = true
		return before
	})
}

// ShowsEach is how all warnings of check are seen.
const ShowsEach = "regulars check --all shows each"

// mostAlike is how many warnings of one kind are shown where many are.
const mostAlike = 3

// special are the parts of a message that tell one warning of a kind from another:
// names, files, dates and numbers.
var special = regexp.MustCompile(`"[^"]*"|[^ ;,:]*[./0-9][^ ;,:]*`)

// Fold leaves the first few of warnings that say the same of many things, and says
// after the last of these how many more there are, and how each is seen.
func Fold(problems []Problem, how string) (folded []Problem) {
	kind := func(p Problem) string { return special.ReplaceAllString(p.Message, "*") }
	counts, seen := map[string]int{}, map[string]int{}
	for _, p := range problems {
		if p.Level == Warning {
			counts[kind(p)]++
		}
	}
	for _, p := range problems {
		k := kind(p)
		if p.Level != Warning || counts[k] <= mostAlike+1 {
			folded = append(folded, p)
			continue
		}
		switch seen[k]++; {
		case seen[k] < mostAlike:
			folded = append(folded, p)
		case seen[k] == mostAlike:
			folded = append(folded, p, Problem{File: p.File, Message: fmt.Sprintf("… and %d more warnings like this one", counts[k]-mostAlike), Hint: how, Level: Warning})
		}
	}
	return folded
}

// rank puts program.yaml, segments.yaml, pools.yaml and loyalty.yaml before the campaigns:
// what is wrong there is often the reason for what follows.
func rank(file string) int {
	if i := slices.Index([]string{shopFile, segmentsFile, poolsFile, loyaltyFile}, file); i >= 0 {
		return i
	}
	return 4
}

// BlockedCampaigns parts problems that forbid a campaign to run from the rest: by
// the campaign in whose folder they are.
func BlockedCampaigns(problems []Problem) (campaigns map[string][]Problem, rest []Problem) {
	campaigns = map[string][]Problem{}
	for _, p := range problems {
		if name := campaignOf(p.File); name != "" && p.Level != Warning {
			campaigns[name] = append(campaigns[name], p)
		} else {
			rest = append(rest, p)
		}
	}
	return campaigns, rest
}

package templates

import "strings"

// rowControls finds the blocks that enclose nothing but items of a list or rows of
// a table, each line of them controls or a row: a range through such rows, an if
// among others, and what is inside of those. The answer has all their controls.
func (s *source) rowControls(actions []action) map[int]bool {
	tied := map[int]bool{}
	var open []int
	mixed := map[int]bool{} // open blocks that enclose one that is no such block
	for n, a := range actions {
		switch a.verb {
		case "if", "range":
			open = append(open, n)
		case "end":
			first := open[len(open)-1]
			open = open[:len(open)-1]
			if mixed[first] || !s.onlyRows(actions, first, n) {
				for _, outer := range open {
					mixed[outer] = true
				}
			} else if actions[first].verb == "range" || s.amongRows(actions, first, n) {
				for c := first; c <= n; c++ {
					tied[c] = tied[c] || actions[c].control()
				}
			}
		}
	}
	return tied
}

// onlyRows says whether the lines from one control's to another's are controls and
// rows only, with a row at least.
func (s *source) onlyRows(actions []action, first, last int) bool {
	from, _ := s.lineAt(actions[first].start)
	_, to := s.lineAt(actions[last].start)
	rows := 0
	for at := from; at <= to; {
		begin, end := s.lineAt(at)
		var in []int
		for n := range actions {
			if actions[n].start >= begin && actions[n].start < end {
				in = append(in, n)
			}
		}
		switch {
		case rowStart(s.text[begin:end]) > 0:
			rows++
		case !onlyControls(s, actions, begin, end, in):
			return false
		}
		at = end + 1
	}
	return rows > 0
}

// amongRows says whether a row stands right before the one control or right after
// the other, with nothing but controls between.
func (s *source) amongRows(actions []action, first, last int) bool {
	begin, _ := s.lineAt(actions[first].start)
	for begin > s.body {
		previous, end := s.lineAt(begin - 1)
		if line := s.text[previous:end]; !strings.HasPrefix(strings.TrimSpace(line), "{{") {
			return rowStart(line) > 0 || strings.HasPrefix(strings.TrimSpace(line), "|") || s.rowAfter(actions[last].start)
		}
		begin = previous
	}
	return s.rowAfter(actions[last].start)
}

func (s *source) rowAfter(at int) bool {
	for _, end := s.lineAt(at); end < len(s.text); {
		begin, next := s.lineAt(end + 1)
		if line := s.text[begin:next]; !strings.HasPrefix(strings.TrimSpace(line), "{{") {
			return rowStart(line) > 0
		}
		end = next
	}
	return false
}

// lineAt returns where the line around an offset begins and ends.
func (s *source) lineAt(at int) (begin, end int) {
	begin = max(strings.LastIndexByte(s.text[:at], '\n')+1, s.body)
	if i := strings.IndexByte(s.text[at:], '\n'); i >= 0 {
		return begin, at + i
	}
	return begin, len(s.text)
}

// onlyControls says that text[from:to] of the file is these actions and nothing
// else, and that none of them prints.
func onlyControls(s *source, actions []action, from, to int, in []int) bool {
	if len(in) == 0 {
		return false
	}
	for _, n := range in {
		if !actions[n].control() || strings.TrimSpace(s.text[from:actions[n].start]) != "" {
			return false
		}
		from = actions[n].end
	}
	return strings.TrimSpace(s.text[from:to]) == ""
}

package templates

import "strings"

// draft is a body in which markers stand for the actions, ready for Markdown.
type draft struct {
	marker  marker
	actions []action
	text    string
	pieces  []piece // where text came from, in order
}

// piece says that text from offset at on is the file's from offset from on.
type piece struct{ at, from int }

// origin returns the offset in the file of an offset in the draft.
func (d *draft) origin(at int) int {
	from := 0
	for _, p := range d.pieces {
		if p.at > at {
			break
		}
		from = p.from + at - p.at
	}
	return from
}

// prepare writes the body with markers. In Markdown, a control that stands alone
// on its line becomes a block of its own, unless it encloses nothing but items of a
// list or rows of a table: then it is tied to them, so that the list stays one.
func (s *source) prepare(actions []action, markdown bool) *draft {
	d := &draft{marker: marker{"zq"}, actions: actions}
	for strings.Contains(s.text, d.marker.prefix) {
		d.marker.prefix += "zq"
	}
	p := preparer{source: s, draft: d, markdown: markdown, written: len(actions)}
	if markdown {
		p.tied = s.rowControls(actions)
	}
	for at := s.body; at < len(s.text); {
		line, _, _ := strings.Cut(s.text[at:], "\n")
		p.line(at, at+len(line))
		at += len(line) + 1
	}
	p.flush("")
	d.text = p.out.String()
	return d
}

type preparer struct {
	*source
	*draft
	markdown bool
	out      strings.Builder
	tied     map[int]bool // controls that enclose rows only
	next     int          // the next action
	written  int          // so many are the mail's own; those of its tables follow
	held     []int        // controls waiting for the row that they belong to
}

// line writes the line at from:to of the file.
func (p *preparer) line(from, to int) {
	var inLine []int
	for p.next < p.written && p.actions[p.next].start < to {
		inLine = append(inLine, p.next)
		p.next++
	}
	if p.markdown && onlyControls(p.source, p.actions, from, to, inLine) {
		p.controls(inLine)
		return
	}
	if len(inLine) == 1 && p.markdown && p.actions[inLine[0]].table {
		p.flush("")
		p.tableOf(inLine[0])
		return
	}
	raw := p.source.text[from:to]
	if row := rowStart(raw); row > 0 && len(p.held) > 0 {
		p.copy(from, from+row, nil)
		p.flush("r")
		from += row
	} else {
		p.flush("")
	}
	p.copy(from, to, inLine)
	p.out.WriteByte('\n')
}

// copy writes text[from:to] with markers in the place of the actions.
func (p *preparer) copy(from, to int, actions []int) {
	for _, n := range actions {
		p.pieces = append(p.pieces, piece{p.out.Len(), from})
		p.out.WriteString(p.source.text[from:p.actions[n].start])
		p.out.WriteString(p.marker.of(n, false))
		from = p.actions[n].end
	}
	p.pieces = append(p.pieces, piece{p.out.Len(), from})
	p.out.WriteString(p.source.text[from:to])
}

// controls deals with a line of nothing but controls.
func (p *preparer) controls(inLine []int) {
	for _, n := range inLine {
		if p.actions[n].verb == "end" && p.tied[n] {
			p.tieToRow(n)
			continue
		}
		p.held = append(p.held, n)
		if !p.tied[n] {
			p.flush("")
		}
	}
}

// tieToRow puts an {{ end }} at the end of the row just written.
func (p *preparer) tieToRow(n int) {
	written := p.out.String()
	row := strings.TrimRight(strings.TrimSuffix(written, "\n"), " \t")
	tail := "\n"
	if strings.HasPrefix(strings.TrimLeft(row[strings.LastIndexByte(row, '\n')+1:], " "), "|") && strings.HasSuffix(row, "|") {
		row, tail = strings.TrimSuffix(row, "|"), "|\n"
	}
	p.out.Reset()
	p.out.WriteString(row + p.marker.of(n, true) + tail)
}

// flush writes the controls that wait: tied to the row that begins here, or as a
// block of their own.
func (p *preparer) flush(row string) {
	if len(p.held) == 0 {
		return
	}
	if row == "" {
		p.out.WriteString("\n")
	}
	for _, n := range p.held {
		p.out.WriteString(p.marker.of(n, row != ""))
	}
	if row == "" {
		p.out.WriteString("\n\n")
	}
	p.held = nil
}

// rowStart returns how long the beginning of a list item or table row is ("- ",
// "3. ", "| "), 0 when the line is neither.
func rowStart(line string) int {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	rest := line[indent:]
	if strings.HasPrefix(rest, "|") {
		if strings.Trim(rest, "|-: ") == "" { // the line under a table's head
			return 0
		}
		return indent + 1
	}
	for _, bullet := range []string{"- ", "* ", "+ "} {
		if strings.HasPrefix(rest, bullet) {
			return indent + 2
		}
	}
	figures := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	if figures > 0 && figures < 10 && strings.HasPrefix(rest[figures:], ". ") {
		return indent + figures + 2
	}
	return 0
}

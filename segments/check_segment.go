package segments

import (
	"maps"
	"slices"
	"strings"
)

// segmentName reads the argument of in_segment.
func (c *checker) segmentName(s *syntax) (string, *Error) {
	if len(s.kids) > 1 && s.kids[1].form == formText {
		return "", fail(s.kids[1].pos, `in_segment takes one name: write in_segment("%s") or in_segment("%s")`, s.kids[0].word, s.kids[1].word)
	}
	if len(s.kids) == 1 && s.kids[0].form == formName && !s.kids[0].called {
		return "", fail(s.kids[0].pos, `the name of a segment stands in quotes: in_segment("%s")`, s.kids[0].word)
	}
	if len(s.kids) != 1 || s.kids[0].form != formText || s.kids[0].word == "" {
		return "", fail(s.pos, `in_segment takes the name of one segment in quotes: in_segment("vip")`)
	}
	return s.kids[0].word, nil
}

// inSegment checks and expands the rule of another segment.
func (c *checker) inSegment(name string, pos int) (node, *Error) {
	n, err := c.segment(name, pos)
	if err != nil {
		return nil, err
	}
	if c.parts += n.rule.parts; c.parts > maxExpanded {
		return nil, fail(pos, "with all its segments written out the rule has more than %d parts", maxExpanded)
	}
	return n, nil
}

func (c *checker) segment(name string, pos int) (inSegment, *Error) {
	if at := slices.Index(c.path, name); at >= 0 {
		circle := append(slices.Clone(c.path[at:]), name)
		return inSegment{}, fail(pos, "the segments go round in a circle: %s; one of them must do without the other", strings.Join(circle, " → "))
	}
	if r := c.rules[name]; r != nil {
		return inSegment{name, r}, nil
	}
	text, ok := c.scope.Segments[name]
	if !ok {
		return inSegment{}, c.unknownSegment(name, pos)
	}
	c.path = append(c.path, name)
	defer func() { c.path = c.path[:len(c.path)-1] }()
	alone := c.scope
	alone.Self, alone.Launch, alone.Order, alone.Event, alone.Pools = "", nil, false, false, nil
	r, err := (&checker{scope: alone, opened: c.opened}).parse(text)
	if err != nil && strings.HasPrefix(err.Message, "the segments go round") {
		return inSegment{}, fail(pos, "%s", err.Message)
	}
	if err != nil {
		return inSegment{}, fail(pos, "the rule of segment %s is wrong itself: %v", name, err.locate(text))
	}
	c.rules[name] = r
	return inSegment{name, r}, nil
}

// unknownSegment names the nearest segments, or if none is near, those there are.
func (c *checker) unknownSegment(name string, pos int) *Error {
	all := slices.Sorted(maps.Keys(c.scope.Segments))
	e := unknown(pos, "segment", name, all)
	switch {
	case len(e.Near) > 0:
	case len(all) == 0:
		e.Message += "; segments.yaml names none"
	default:
		e.Message += "; there are " + strings.Join(all[:min(8, len(all))], ", ")
		if len(all) > 8 {
			e.Message += " …"
		}
	}
	return e
}

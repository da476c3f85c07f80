package program

import (
	"errors"
	"fmt"
	"strings"

	"regulars/internal/loyalty"
	"regulars/segments"
)

// everybody is the rule that stands for one that is broken, so that its mistake
// is reported once and not wherever its name is used.
const everybody = "orders >= 0"

// readSegments reads segments.yaml. Each rule is checked twice: alone, which
// shows its own mistakes, and with the others, which shows rules that go round
// in a circle.
func (r *reading) readSegments() {
	if _, ok := r.files[segmentsFile]; !ok {
		return
	}
	root := r.yaml(segmentsFile)
	if root == nil {
		r.blind = true
		return
	}
	named := r.namedRules(root)
	for _, kv := range named {
		r.segments[kv.key.text] = everybody
	}
	var sound []pair
	for _, kv := range named {
		if r.segment(kv) != nil {
			sound = append(sound, kv)
		}
	}
	for _, kv := range sound {
		r.segments[kv.key.text] = strings.TrimSpace(kv.value.text)
	}
	for _, kv := range sound {
		if rule := r.segment(kv); rule != nil {
			r.program.Segments = append(r.program.Segments, Segment{kv.key.text, rule})
		}
	}
}

// namedRules returns the keys of segments.yaml that could be segments.
func (r *reading) namedRules(root *node) (named []pair) {
	for _, kv := range r.few((group{r, root}).pairs()) {
		if r.checkName(kv.key, "a segment", kv.key.text) {
			if kv.value.form != scalar {
				r.rule(kv.value, r.scope(), segments.Parse)
				continue
			}
			named = append(named, kv)
		}
	}
	return named
}

func (r *reading) segment(kv pair) *segments.Rule {
	s := r.scope()
	s.Self = kv.key.text
	return r.rule(kv.value, s, segments.Parse)
}

// ruleOrSegment reads a rule, or the bare name of a segment; nil, and reported,
// when it is neither.
func (r *reading) ruleOrSegment(n *node, s segments.Scope) *segments.Rule {
	if n != nil && n.form == scalar && r.segments[n.text] == "" && !strings.ContainsAny(n.text, ` "'()<>=`) {
		if near := loyalty.Nearest(n.text, sortedKeys(r.segments)); near != "" {
			r.errorAt(n, fmt.Sprintf("%q is neither a segment nor a rule", n.text), fmt.Sprintf("did you mean %q?", near))
			return nil
		}
	}
	return r.rule(n, s, segments.ParseNamed)
}

// rule reads a rule; nil, and reported at its column, when it is wrong.
func (r *reading) rule(n *node, s segments.Scope, parse func(string, segments.Scope) (*segments.Rule, error)) *segments.Rule {
	if n == nil {
		return nil
	}
	if n.form == list || n.form == mapping {
		r.errorAt(n, fmt.Sprintf("a rule belongs here, not %s", n.form), `put a rule that begins with [ or { in single quotes`)
		return nil
	}
	text := strings.TrimSpace(n.text)
	rule, err := parse(text, s)
	if err == nil {
		r.text(n) // warns of a comment that may not be one
		if segments.Never(rule, nil) {
			r.neverAt(n, "no member can be like this: the rule contradicts itself", "")
		}
		r.untracked(n, rule)
		r.names(n, rule, strings.Index(n.text, text))
		return rule
	}
	if r.cutShort(n, text) {
		return nil
	}
	at, message, hint := n, err.Error(), ""
	var wrong *segments.Error
	if errors.As(err, &wrong) {
		message, hint = wrong.Message, didYouMean(wrong)
		offset := wrong.Offset + strings.Index(n.text, text)
		line, col := n.where(offset)
		at = &node{src: n.src, line: line, col: col}
	}
	r.errorAt(at, message, hint)
	return nil
}

// didYouMean gives the names near to a wrong one, unless the message has them.
func didYouMean(wrong *segments.Error) string {
	if len(wrong.Near) == 0 || strings.Contains(wrong.Message, wrong.Near[0]) {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", wrong.Near[0])
}

// cutShort reports a rule with an open quote or bracket that YAML ended at a #
// or a comma: what is wrong then is not what the rest of the rule says.
func (r *reading) cutShort(n *node, text string) bool {
	if !n.plain || closed(text) {
		return false
	}
	const hint = "put the whole rule in single quotes"
	if comment, line, col := n.comment(); comment != "" {
		r.errorAt(&node{src: n.src, line: line, col: col}, "YAML ends the rule here, since a blank and # begin a comment", hint)
		return true
	}
	line, col := n.where(len(n.text) - 1)
	if rest := n.src.rest(line, col+1); strings.HasPrefix(rest, ",") || strings.HasPrefix(rest, "]") || strings.HasPrefix(rest, "}") {
		r.errorAt(&node{src: n.src, line: line, col: col + 1}, fmt.Sprintf("YAML ends the rule here, since %s ends a value inside [ ] and { }", rest[:1]), hint)
		return true
	}
	return false
}

// closed reports whether the quotes and brackets of a rule are closed.
func closed(text string) bool {
	depth, quote := 0, rune(0)
	for _, c := range text {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		}
	}
	return depth == 0 && quote == 0
}

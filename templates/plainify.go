package templates

import (
	"strconv"
	"strings"
)

// tidy finishes a text part: the numbers of lists, the links, and the empty lines
// that controls leave behind.
func tidy(text string, own func(string) bool, hook func(string) string) string {
	var b strings.Builder
	empty := 0
	for line := range strings.SplitSeq(numbered(text), "\n") {
		line = strings.TrimRight(line, " \t")
		if line == "" {
			empty++
			continue
		}
		if b.Len() > 0 && empty > 0 {
			b.WriteByte('\n')
		}
		links(&b, line, own, hook)
		b.WriteByte('\n')
		empty = 0
	}
	return b.String()
}

// numbered numbers the items of the lists that are there.
func numbered(text string) string {
	if !strings.Contains(text, listOpen) {
		return text
	}
	var b strings.Builder
	var next []int
	for {
		i := strings.IndexAny(text, listOpen+listItem+listClose)
		if i < 0 {
			return b.String() + text
		}
		b.WriteString(text[:i])
		sign := text[i : i+1]
		text = text[i+1:]
		switch last := len(next) - 1; {
		case sign == listOpen:
			first, rest, _ := strings.Cut(text, listFrom)
			n, _ := strconv.Atoi(first) // written by list
			next, text = append(next, n), rest
		case sign == listItem && last >= 0:
			b.WriteString(strconv.Itoa(next[last]))
			next[last]++
		case sign == listClose && last >= 0:
			next = next[:last]
		}
	}
}

// links writes a line with its addresses given to the hook.
func links(b *strings.Builder, line string, own func(string) bool, hook func(string) string) {
	for {
		before, rest, found := strings.Cut(line, linkOpen)
		b.WriteString(before)
		if !found {
			return
		}
		to, after, _ := strings.Cut(rest, linkClose)
		b.WriteString(hooked(to, own, hook))
		line = after
	}
}

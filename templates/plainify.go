package templates

import (
	"bytes"
	"strconv"
)

// appendTidy finishes a text part and appends it: the numbers of lists, the links, and
// the empty lines that controls leave behind.
func appendTidy(out, text []byte, own func(string) bool, hook func(string) string) []byte {
	begin, empty := len(out), 0
	for line := range bytes.SplitSeq(numbered(text), []byte("\n")) {
		line = bytes.TrimRight(line, " \t")
		if len(line) == 0 {
			empty++
			continue
		}
		if len(out) > begin && empty > 0 {
			out = append(out, '\n')
		}
		out = append(appendLinks(out, line, own, hook), '\n')
		empty = 0
	}
	return out
}

// numbered numbers the items of the lists that are there.
func numbered(text []byte) []byte {
	if !bytes.Contains(text, []byte(listOpen)) {
		return text
	}
	var out []byte
	var next []int
	for {
		i := bytes.IndexAny(text, listOpen+listItem+listClose)
		if i < 0 {
			return append(out, text...)
		}
		out = append(out, text[:i]...)
		sign := string(text[i : i+1])
		text = text[i+1:]
		switch last := len(next) - 1; {
		case sign == listOpen:
			first, rest, _ := bytes.Cut(text, []byte(listFrom))
			n, _ := strconv.Atoi(string(first)) // written by list
			next, text = append(next, n), rest
		case sign == listItem && last >= 0:
			out = strconv.AppendInt(out, int64(next[last]), 10)
			next[last]++
		case sign == listClose && last >= 0:
			next = next[:last]
		}
	}
}

// appendLinks appends a line with its addresses given to the hook.
func appendLinks(out, line []byte, own func(string) bool, hook func(string) string) []byte {
	for {
		before, rest, found := bytes.Cut(line, []byte(linkOpen))
		out = append(out, before...)
		if !found {
			return out
		}
		to, after, _ := bytes.Cut(rest, []byte(linkClose))
		out = append(out, hooked(string(to), own, hook)...)
		line = after
	}
}

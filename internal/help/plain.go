package help

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
)

// column is how wide a page is in the terminal.
const column = 88

// Plain returns the page for a terminal.
func (p Page) Plain() string {
	tree, source := p.parsed()
	w := &writer{source: source}
	w.line(strings.ToUpper(p.Title))
	w.blocks(tree, "")
	return w.String()
}

// writer writes a tree as plain text.
type writer struct {
	strings.Builder
	source []byte
}

func (w *writer) line(text string) { w.WriteString(strings.TrimRight(text, " ") + "\n") }

// blocks writes the blocks below a node, each line behind a margin.
func (w *writer) blocks(n ast.Node, margin string) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Heading:
			w.line("\n" + margin + strings.ToUpper(w.inline(c)))
		case *ast.FencedCodeBlock:
			w.line("")
			for i := range c.Lines().Len() {
				l := c.Lines().At(i)
				w.line(margin + "    " + strings.TrimRight(string(l.Value(w.source)), "\n"))
			}
		case *ast.List:
			w.line("")
			w.list(c, margin)
		case *east.Table:
			w.line("")
			w.table(c, margin)
		default:
			w.line("")
			w.wrapped(w.inline(c), margin, margin)
		}
	}
}

func (w *writer) list(l *ast.List, margin string) {
	number := l.Start
	for item := l.FirstChild(); item != nil; item = item.NextSibling() {
		mark := "- "
		if l.IsOrdered() {
			mark = fmt.Sprintf("%d. ", number)
			number++
		}
		inner := margin + strings.Repeat(" ", len(mark))
		w.wrapped(w.inline(item.FirstChild()), margin+mark, inner)
		item.RemoveChild(item, item.FirstChild())
		w.blocks(item, inner)
	}
}

// table writes a table of which all but the last column are short.
func (w *writer) table(t *east.Table, margin string) {
	var rows [][]string
	var wide []int
	for row := t.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []string
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, w.inline(cell))
			if len(wide) < len(cells) {
				wide = append(wide, 0)
			}
			wide[len(cells)-1] = max(wide[len(cells)-1], utf8.RuneCountInString(cells[len(cells)-1]))
		}
		rows = append(rows, cells)
	}
	before := 0
	for _, n := range wide[:len(wide)-1] {
		before += n + 2
	}
	for _, cells := range rows {
		first := margin
		for i, cell := range cells[:len(cells)-1] {
			first += cell + strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell)+2)
		}
		w.wrapped(cells[len(cells)-1], first, margin+strings.Repeat(" ", before))
	}
}

// wrapped writes a text in lines of a column, the first behind another margin.
func (w *writer) wrapped(text, first, margin string) {
	line, words := first, 0
	for _, word := range strings.Fields(text) {
		if words > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > column {
			w.line(line)
			line, words = margin, 0
		}
		if words > 0 {
			line += " "
		}
		line, words = line+word, words+1
	}
	w.line(line)
}

// inline is the text of a block: code between the marks that it has in Markdown, links
// with where they lead to.
func (w *writer) inline(n ast.Node) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			b.Write(c.Value(w.source))
			if c.SoftLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.CodeSpan:
			b.WriteString("`" + w.inline(c) + "`")
		case *ast.Link:
			to := string(c.Destination)
			if _, topic := ByName(to); topic {
				to = "regulars help " + to
			}
			b.WriteString(w.inline(c) + " (" + to + ")")
		case *ast.AutoLink:
			b.Write(c.URL(w.source))
		default:
			b.WriteString(w.inline(c))
		}
	}
	return b.String()
}

package help

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// reader reads the pages: they are written in what it knows, and nothing else.
var reader = goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))

// parsed is a page as a tree, without its title.
func (p Page) parsed() (tree ast.Node, source []byte) {
	source = []byte(p.Text)
	tree = reader.Parser().Parse(text.NewReader(source))
	tree.RemoveChild(tree, tree.FirstChild())
	return tree, source
}

// onPage is what a page of the console needs beside what Markdown says: examples that
// are wider than the window are reached by keyboard, and heads of columns say so.
var onPage = strings.NewReplacer("<pre>", `<pre class="example" tabindex="0">`, "<th>", `<th scope="col">`)

// HTML returns the page without its title, for below /console/help/.
func (p Page) HTML() (string, error) {
	tree, source := p.parsed()
	var b bytes.Buffer
	if err := reader.Renderer().Render(&b, source, tree); err != nil {
		return "", fmt.Errorf("help %s: %w", p.Name, err)
	}
	return onPage.Replace(b.String()), nil
}

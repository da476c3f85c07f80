package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Bounds of a file: what lies beyond them is no table of a shop, and must not take
// the memory or the hours of a worker.
const (
	maxRow     = 1 << 20   // bytes of one row, with what stands in quotes
	maxColumns = 1000      // of a header
	unpacked   = 256 << 20 // bytes that a packed file may have however small it is
	ratio      = 200       // how many times its size it may have beyond them
)

// table is read from a CSV file row by row: in UTF-8 with or without a byte order
// mark, in UTF-16 with one, or as somebody says, packed by gzip or not, with commas, semicolons, tabs or bars between
// fields, with line ends of any system, and quoted fields that may go over several
// lines.
type table struct {
	header []string // as written, trimmed
	comma  rune

	csv   *csv.Reader
	text  *textReader
	in    *bufio.Reader // what csv reads from
	raw   *countingReader
	first int // lines of the file before the header
	line  int // of the last row
	n     int // rows read
}

// row is one row of a table.
type row struct {
	n      int // from 1, the header aside
	line   int // in the file, from 1
	fields []string
	there  int // how many fields stand in the row; the others are empty
}

// written are the fields that stand in the row.
func (r row) written() []string { return r.fields[:r.there] }

// badRow is a row that cannot be read, as an error; reading goes on after it.
type badRow struct {
	row
	reason string
}

func (b *badRow) Error() string { return fmt.Sprintf("line %d: %s", b.line, b.reason) }

// countingReader counts what is read through it.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// unpacker reads a packed file as long as it has the size of a table.
type unpacker struct {
	countingReader
	packed *countingReader
}

func (u *unpacker) Read(p []byte) (int, error) {
	if u.n > unpacked && u.n > ratio*u.packed.n {
		return 0, fmt.Errorf("it unpacks to more than %d MB, over %d times its size: no table is like that", unpacked>>20, ratio)
	}
	return u.countingReader.Read(p)
}

var errLongRow = errors.New("the row has no end")

// textReader hands a text on as encoding/csv reads it: a carriage return alone,
// with which some programs end their lines, becomes a line feed. It ends within a
// row that is longer than a row may be.
type textReader struct {
	in    *bufio.Reader
	given int64
	row   int64 // what was given before the row that is being read
}

func (t *textReader) Read(p []byte) (int, error) {
	if t.given-t.row > maxRow {
		return 0, errLongRow
	}
	n, err := t.in.Read(p)
	for i := range n {
		if p[i] != '\r' {
			continue
		}
		var after byte
		if i+1 < n {
			after = p[i+1]
		} else if next, _ := t.in.Peek(1); len(next) > 0 {
			after = next[0]
		}
		if after != '\n' {
			p[i] = '\n'
		}
	}
	t.given += int64(n)
	return n, err
}

// Charset is what the bytes of a file mean: "" is UTF-8, or what its mark says.
type Charset string

// The ways to write letters as bytes that may be named.
const (
	UTF8    Charset = "utf-8"
	UTF16   Charset = "utf-16"
	Western Charset = "windows-1252"
)

// ParseCharset reads the name of one.
func ParseCharset(text string) (Charset, error) {
	switch strings.ToLower(text) {
	case "", "auto":
		return "", nil
	case "utf-8", "utf8":
		return UTF8, nil
	case "utf-16", "utf16":
		return UTF16, nil
	case "windows-1252", "cp1252", "latin1", "latin-1", "iso-8859-1":
		return Western, nil
	}
	return "", fmt.Errorf("%q is none of utf-8, utf-16 and windows-1252", text)
}

// notUTF8 says what to do about bytes that are no UTF-8.
const notUTF8 = "is not UTF-8: say --encoding windows-1252 if a program of Windows wrote the file, or save it as CSV in UTF-8"

// readTable reads the header of a table.
func readTable(r io.Reader, charset Charset) (*table, error) {
	t := &table{raw: &countingReader{r: r}}
	in, head, err := openText(t.raw, charset)
	if err != nil {
		return nil, err
	}
	start, comma := preamble(head)
	if _, err := in.Discard(start); err != nil {
		return nil, err
	}
	if t.comma = comma; comma == 0 {
		t.comma = delimiter(head)
	} else {
		t.first = 1
	}
	t.text = &textReader{in: in}
	t.in = bufio.NewReaderSize(t.text, 1<<14)
	t.csv = csv.NewReader(t.in)
	t.csv.Comma, t.csv.FieldsPerRecord, t.csv.ReuseRecord = t.comma, -1, true
	return t, t.readHeader()
}

// TextOf hands on the text of a file: unpacked, without a byte order mark, with line
// feeds at the ends of its lines. What is no text is an error.
func TextOf(file io.Reader) (io.Reader, error) {
	in, _, err := openText(&countingReader{r: file}, "")
	return &textReader{in: in, row: math.MaxInt64}, err // its reader bounds the lines
}

// openText returns what stands in a file after its byte order mark, in UTF-8, and the
// beginning of that.
func openText(raw *countingReader, charset Charset) (in *bufio.Reader, head []byte, err error) {
	in = bufio.NewReaderSize(raw, 1<<16)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, nil, fmt.Errorf("it begins like gzip, but is not: %w", err)
		}
		in = bufio.NewReaderSize(&unpacker{countingReader{r: z}, raw}, 1<<16)
	}
	mark, _ := in.Peek(3)
	switch {
	case bytes.HasPrefix(mark, []byte("\xff\xfe")), bytes.HasPrefix(mark, []byte("\xfe\xff")), charset == UTF16:
		decoder := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder() // little-endian without a mark
		in = bufio.NewReaderSize(decoder.Reader(in), 1<<16)
	case bytes.Equal(mark, []byte("\xef\xbb\xbf")):
		if _, err := in.Discard(3); err != nil {
			return nil, nil, err
		}
	case charset == Western:
		in = bufio.NewReaderSize(charmap.Windows1252.NewDecoder().Reader(in), 1<<16)
	}
	head, err = in.Peek(1 << 15)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	if is := foreign(head); is != "" {
		return nil, nil, errors.New(is)
	}
	return in, head, nil
}

// foreign says what a file is that is no table of text, by how it begins; "": it
// may be one.
func foreign(head []byte) string {
	const save = ": save the table as CSV in UTF-8"
	for _, f := range []struct{ begins, is string }{
		{"PK\x03\x04", "it is a workbook (.xlsx, .ods) or another zip archive"}, {"PK\x05\x06", "it is an empty zip archive"},
		{"\xd0\xcf\x11\xe0", "it is a workbook (.xls)"}, {"%PDF", "it is a PDF"},
		{"BZh", "it is packed by bzip2, not gzip"}, {"\xfd7zXZ", "it is packed by xz, not gzip"}, {"\x28\xb5\x2f\xfd", "it is packed by zstd, not gzip"},
		{"SQLite format 3", "it is an SQLite database"},
	} {
		if bytes.HasPrefix(head, []byte(f.begins)) {
			return f.is + save
		}
	}
	trimmed := bytes.ToLower(bytes.TrimSpace(head))
	switch {
	case bytes.HasPrefix(trimmed, []byte("<!doctype")), bytes.HasPrefix(trimmed, []byte("<html")), bytes.HasPrefix(trimmed, []byte("<?xml")):
		return "it is a web page or XML, not a table" + save
	case bytes.HasPrefix(trimmed, []byte("{")), bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(trimmed, []byte("["))), []byte("{")):
		return "it is JSON, not a table" + save
	case bytes.Count(head, []byte{0})*8 > len(head): // a stray one is its field's affair
		return "it is not text (if it is UTF-16 without a mark, say --encoding utf-16)" + save
	}
	return ""
}

// preamble returns how much of a file stands before its header: the line sep=; by
// which some programs say what stands between fields.
func preamble(head []byte) (n int, comma rune) {
	end := bytes.IndexAny(head, "\r\n")
	if end < 0 || end > 8 {
		return 0, 0
	}
	sep, ok := strings.CutPrefix(strings.ToLower(strings.Trim(string(head[:end]), `" `)), "sep=")
	if !ok || len(sep) != 1 || sep == "\"" {
		return 0, 0
	}
	if head[end] == '\r' && end+1 < len(head) && head[end+1] == '\n' {
		end++
	}
	return end + 1, rune(sep[0])
}

func (t *table) readHeader() error {
	first, err := t.csv.Read()
	switch {
	case err == io.EOF:
		return errors.New("it is empty: its first line should name the columns")
	case errors.Is(err, errLongRow):
		return fmt.Errorf("its first line is longer than %d MB: is it a table?", maxRow>>20)
	case err != nil:
		return fmt.Errorf("its first line cannot be read: %w", err)
	case len(first) > maxColumns:
		return fmt.Errorf("its first line names %d columns: at most %d", len(first), maxColumns)
	}
	t.line, _ = t.csv.FieldPos(0)
	t.line += t.first
	for _, name := range first {
		if !utf8.ValidString(name) {
			return errors.New("its first line " + notUTF8)
		}
		t.header = append(t.header, strings.TrimSpace(name))
	}
	return nil
}

// delimiter returns what stands between the names of the header: of comma,
// semicolon, tab and bar the one that is there most often outside of quotes.
func delimiter(head []byte) rune {
	count := map[byte]int{}
	quoted := false
	for _, c := range head {
		if c == '"' {
			quoted = !quoted
		}
		if (c == '\n' || c == '\r') && !quoted {
			break
		}
		if !quoted {
			count[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte{';', '\t', '|'} {
		if count[c] > count[best] {
			best = c
		}
	}
	return rune(best)
}

// next returns the next row, whose fields are good until the one after it:
// io.EOF at the end, *badRow for a row that cannot be read. Any other error ends
// the reading.
func (t *table) next() (row, error) {
	for {
		t.text.row = t.csv.InputOffset()
		fields, err := t.csv.Read()
		if err == io.EOF {
			return row{}, io.EOF
		}
		t.n++
		r := row{n: t.n, fields: fields, there: len(fields)}
		var parse *csv.ParseError
		switch {
		case errors.As(err, &parse) && t.unclosed(parse):
			return r, fmt.Errorf("line %d: a quote is opened that is closed nowhere: all rows after it would be one field", t.first+parse.StartLine)
		case errors.Is(err, errLongRow):
			return r, fmt.Errorf("the row after line %d is longer than %d MB: is a quote opened in it that is closed nowhere?", t.line, maxRow>>20)
		case errors.As(err, &parse):
			r.line = t.first + parse.StartLine
			return r, &badRow{r, "cannot be read as CSV: " + parse.Err.Error()}
		case err != nil:
			return r, fmt.Errorf("reading row %d: %w", t.n, err)
		}
		r.line, _ = t.csv.FieldPos(0)
		r.line += t.first
		t.line = r.line
		if len(fields) == 1 && strings.TrimSpace(fields[0]) == "" && len(t.header) > 1 {
			t.n--
			continue // a line of blanks
		}
		if r.there < len(t.header) { // programs leave empty cells at the end out
			r.fields = append(fields, make([]string, len(t.header)-r.there)...)
		}
		return r, t.checkRow(r)
	}
}

// unclosed reports whether a quote swallowed the rest of the file.
func (t *table) unclosed(err *csv.ParseError) bool {
	if !errors.Is(err.Err, csv.ErrQuote) || err.Line == err.StartLine {
		return false
	}
	_, end := t.in.Peek(1)
	return end != nil
}

func (t *table) checkRow(r row) error {
	for i, v := range r.fields {
		if !utf8.ValidString(v) {
			return &badRow{r, fmt.Sprintf("column %s %s", t.name(i), notUTF8)}
		}
	}
	for _, v := range r.fields[len(t.header):] {
		if strings.TrimSpace(v) != "" {
			return &badRow{r, fmt.Sprintf("has %d fields, the header %d", len(r.fields), len(t.header))}
		}
	}
	return nil
}

func (t *table) name(i int) string {
	if i < len(t.header) {
		return t.header[i]
	}
	return fmt.Sprint(i + 1)
}

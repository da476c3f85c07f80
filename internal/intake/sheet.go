package intake

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// sheet reads a table from a CSV file row by row: with or without a byte order
// mark, packed by gzip or not, with commas, semicolons or tabs between fields,
// and quoted fields that may go over several lines.
type sheet struct {
	header []string // as written, trimmed
	comma  rune

	csv  *csv.Reader
	in   *bufio.Reader // what csv reads from
	raw  *countingReader
	file io.Closer
	size int64 // of the file in bytes
	n    int   // rows read
}

// row is one row of a sheet.
type row struct {
	n      int // from 1, the header aside
	line   int // in the file, from 1
	fields []string
}

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

// openSheet opens a file and reads its header.
func openSheet(path string) (*sheet, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	s, err := readSheet(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	s.file, s.size = f, info.Size()
	return s, nil
}

// readSheet reads the header of a table.
func readSheet(r io.Reader) (*sheet, error) {
	s := &sheet{raw: &countingReader{r: r}}
	in := bufio.NewReaderSize(s.raw, 1<<16)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("it begins like gzip, but is not: %w", err)
		}
		in = bufio.NewReaderSize(z, 1<<16)
	}
	start, _ := in.Peek(3)
	switch {
	case bytes.Equal(start, []byte("\xef\xbb\xbf")):
		if _, err := in.Discard(3); err != nil {
			return nil, err
		}
	case bytes.HasPrefix(start, []byte{0xff, 0xfe}), bytes.HasPrefix(start, []byte{0xfe, 0xff}):
		return nil, errors.New("it is UTF-16: save it as CSV in UTF-8")
	}
	head, _ := in.Peek(1 << 15)
	s.comma = delimiter(head)
	s.in, s.csv = in, csv.NewReader(in)
	s.csv.Comma, s.csv.FieldsPerRecord, s.csv.ReuseRecord = s.comma, -1, true
	return s, s.readHeader()
}

func (s *sheet) readHeader() error {
	first, err := s.csv.Read()
	if err == io.EOF {
		return errors.New("it is empty: its first line should name the columns")
	}
	if err != nil {
		return fmt.Errorf("its first line cannot be read: %w", err)
	}
	for _, name := range first {
		if !utf8.ValidString(name) {
			return errors.New("its first line is not UTF-8: save it as CSV in UTF-8")
		}
		s.header = append(s.header, strings.TrimSpace(name))
	}
	return nil
}

// delimiter returns what stands between the names of the header: of comma,
// semicolon and tab the one that is there most often outside of quotes.
func delimiter(head []byte) rune {
	count := map[byte]int{}
	quoted := false
	for _, c := range head {
		if c == '"' {
			quoted = !quoted
		}
		if c == '\n' && !quoted {
			break
		}
		if !quoted {
			count[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte{';', '\t'} {
		if count[c] > count[best] {
			best = c
		}
	}
	return rune(best)
}

// next returns the next row, whose fields are good until the one after it:
// io.EOF at the end, *badRow for a row that cannot be read. Any other error ends
// the reading.
func (s *sheet) next() (row, error) {
	for {
		fields, err := s.csv.Read()
		if err == io.EOF {
			return row{}, io.EOF
		}
		s.n++
		r := row{n: s.n, fields: fields}
		var parse *csv.ParseError
		switch {
		case errors.As(err, &parse) && s.unclosed(parse):
			return r, fmt.Errorf("line %d: a quote is opened that is closed nowhere: all rows after it would be one field", parse.StartLine)
		case errors.As(err, &parse):
			r.line = parse.StartLine
			return r, &badRow{r, "cannot be read as CSV: " + parse.Err.Error()}
		case err != nil:
			return r, fmt.Errorf("reading row %d: %w", s.n, err)
		}
		r.line, _ = s.csv.FieldPos(0)
		if len(fields) == 1 && strings.TrimSpace(fields[0]) == "" && len(s.header) > 1 {
			s.n--
			continue // a line of blanks
		}
		return r, s.checkRow(r)
	}
}

// unclosed reports whether a quote swallowed the rest of the file.
func (s *sheet) unclosed(err *csv.ParseError) bool {
	if !errors.Is(err.Err, csv.ErrQuote) || err.Line == err.StartLine {
		return false
	}
	_, end := s.in.Peek(1)
	return end != nil
}

func (s *sheet) checkRow(r row) error {
	for i, v := range r.fields {
		if !utf8.ValidString(v) {
			return &badRow{r, fmt.Sprintf("column %s is not UTF-8", s.name(i))}
		}
	}
	extra := len(r.fields) - len(s.header)
	if extra < 0 {
		return &badRow{r, fmt.Sprintf("has %d fields, the header %d", len(r.fields), len(s.header))}
	}
	for _, v := range r.fields[len(s.header):] {
		if strings.TrimSpace(v) != "" {
			return &badRow{r, fmt.Sprintf("has %d fields, the header %d", len(r.fields), len(s.header))}
		}
	}
	return nil
}

func (s *sheet) name(i int) string {
	if i < len(s.header) {
		return s.header[i]
	}
	return fmt.Sprint(i + 1)
}

// close ends the reading.
func (s *sheet) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

package importer

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"regulars/internal/loyalty"
)

// audience are the files of an audience of Mailchimp in the zip that it exports, in
// the order in which they are taken in: who refused comes after who agreed.
var audience = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(^|[^n-])subscribed_.*\.csv$|^subscribed.*\.csv$`),
	regexp.MustCompile(`(?i)non.?subscribed.*\.csv$`),
	regexp.MustCompile(`(?i)unsubscribed.*\.csv$`),
	regexp.MustCompile(`(?i)cleaned.*\.csv$`),
}

// parts returns the tables of a file: itself, or those in the zip of an audience of
// Mailchimp. Of any other archive it is said what it is. done closes what it opened.
func (f File) parts() (parts []File, done func(), err error) {
	done = func() {}
	file := f.Opened
	if file == nil {
		if info, err := os.Stat(f.Path); err != nil || !info.Mode().IsRegular() { // a pipe is opened once
			return []File{f}, done, err
		}
		if file, err = os.Open(f.Path); err != nil {
			return nil, done, err
		}
		done = func() { file.Close() }
	}
	info, err := file.Stat()
	magic := make([]byte, 4)
	if err != nil || !info.Mode().IsRegular() {
		done()
		return []File{f}, func() {}, err
	}
	if n, _ := file.ReadAt(magic, 0); string(magic[:n]) != "PK\x03\x04" {
		done()
		return []File{f}, func() {}, nil
	}
	z, err := zip.NewReader(file, info.Size())
	if err != nil {
		return nil, done, fmt.Errorf("it is a workbook (.xlsx, .ods) or another zip archive, and not whole: %w", err)
	}
	for _, is := range audience {
		for _, entry := range z.File {
			name := path.Base(entry.Name)
			if is.MatchString(name) && !slices.ContainsFunc(parts, func(p File) bool { return p.entry == name }) {
				parts = append(parts, f.inside(entry, name))
			}
		}
	}
	if parts == nil {
		return nil, done, errors.New(archiveIs(z))
	}
	if f.Rejects != "" {
		return nil, done, errors.New("it is a zip of several tables, whose refused rows are not one: unpack it, and import each with --rejects")
	}
	return parts, done, nil
}

// inside is the file of one entry. Its refusals and notes name it.
func (f File) inside(entry *zip.File, name string) File {
	part := f
	part.Path, part.entry = name, name
	part.packedSize = int64(min(entry.UncompressedSize64, unpacked))
	part.unpack = func() (io.ReadCloser, error) {
		if entry.UncompressedSize64 > unpacked { // an entry that is larger than it says is an error of its reader
			return nil, fmt.Errorf("%s unpacks to more than %d MB", name, unpacked>>20)
		}
		return entry.Open()
	}
	naming := func(say func(loyalty.Note)) func(loyalty.Note) {
		if say == nil {
			return nil
		}
		return func(n loyalty.Note) {
			n.Reason += " (in " + name + ")"
			say(n)
		}
	}
	part.Refused, part.Noted = naming(f.Refused), naming(f.Noted)
	return part
}

// archiveIs says what a zip archive is that has no audience in it.
func archiveIs(z *zip.Reader) string {
	has := func(name string) bool {
		return slices.ContainsFunc(z.File, func(f *zip.File) bool { return strings.HasPrefix(f.Name, name) })
	}
	const save = ": save the sheet as CSV in UTF-8"
	switch {
	case has("xl/"):
		return "it is a workbook of Excel (.xlsx)" + save
	case has("word/"):
		return "it is a document of Word (.docx), not a table" + save
	case has("content.xml"):
		return "it is a workbook of LibreOffice (.ods), or a document" + save
	case has("Index/"), has("Index.zip"):
		return "it is a workbook of Numbers" + save
	}
	var names []string
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, "/") && len(names) < 6 {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return "it is an empty zip archive"
	}
	return fmt.Sprintf("it is a zip archive of %s: unpack it, and import its tables one by one", strings.Join(names, ", "))
}

package program

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Limits on a program directory. A shop that sends an issue a week in six
// languages for ten years stays below them.
const (
	mostFiles   = 10_000
	largestFile = 1 << 20
	largestAll  = 32 << 20
)

// extensions are those of the files that a program is made of, beside the pictures in its
// folder pictures. Sheets and what an editor leaves behind are not part of it.
var extensions = []string{".yaml", ".yml", ".md", ".markdown", ".html", ".htm", ".txt"}

// ReadDir reads the files of a program directory: path below dir, with slashes,
// to text; a picture's is Picture.Text. Hidden files and those that no program is made of are left out. A
// link is followed to a file inside dir only, and one to a folder is an error: a
// campaign in it would be left out unsaid. More than a program can hold is an error,
// too. What is not UTF-8 text is left to Load to report.
func ReadDir(dir string) (map[string]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("program directory %s: %w", dir, err)
	}
	defer root.Close()
	files, size := map[string]string{}, 0
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch hidden := strings.HasPrefix(name[strings.LastIndexByte(name, '/')+1:], "."); {
		case err != nil:
			return err
		case hidden && name != "." && entry.IsDir():
			return fs.SkipDir
		case hidden:
			return nil
		case entry.Type()&fs.ModeSymlink != 0 && toFolder(filepath.Join(dir, filepath.FromSlash(name))):
			return fmt.Errorf("%s is a link to a folder, and links to folders are not followed: put the folder itself there", name)
		case entry.IsDir() || !slices.Contains(extensions, strings.ToLower(path.Ext(name))) && !IsPicture(name):
			return nil
		}
		text, err := readFile(root, name)
		if err != nil {
			return fmt.Errorf("%s%w", name, err)
		}
		if IsPicture(name) {
			text = pictureText(text)
		}
		files[name], size = text, size+len(text)
		switch {
		case size > largestAll:
			return fmt.Errorf("the files together are larger than %d MB", largestAll>>20)
		case len(files) > mostFiles:
			return fmt.Errorf("there are more than %d files", mostFiles)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("program directory %s: %w", dir, err)
	}
	return files, nil
}

// toFolder reports whether a link leads to a folder, or nowhere under a name that
// a folder may have.
func toFolder(link string) bool {
	info, err := os.Stat(link)
	return err == nil && info.IsDir() || err != nil && path.Ext(link) == ""
}

// readFile reads a text; its error goes on after the file's name. The root refuses a
// link that leads out of it.
func readFile(root *os.Root, name string) (string, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", fmt.Errorf(": %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf(" is not a file with text: %w", errors.Join(err, fs.ErrInvalid))
	}
	text, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	switch {
	case err != nil:
		return "", fmt.Errorf(": %w", err)
	case len(text) > largestFile:
		return "", fmt.Errorf(" is larger than %d kB", largestFile>>10)
	}
	return string(text), nil
}

// Hash returns what a version is told by: the same files have the same hash.
func Hash(files map[string]string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%d %s %d ", len(name), name, len(files[name]))
		io.WriteString(h, files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ErrOccupied says that a directory holds files that are not the program's.
var ErrOccupied = errors.New("the directory holds other files")

// Export writes the files of a version to dir, which it makes if need be, byte
// for byte, for their owner alone to read; pictures are the bytes of its pictures by their
// Name. Files of the same name are overwritten. If dir holds program files
// that the version does not have, nothing is written and the error is
// ErrOccupied: the directory would not be the version.
func Export(dir string, files map[string]string, pictures map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	there, err := ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if _, ok := files[name]; !ok {
			return fmt.Errorf("%w: %s is not part of this version; delete it, or export to an empty directory", ErrOccupied, name)
		}
	}
	files, err = WithBytes(files, pictures)
	if err != nil {
		return err
	}
	return write(dir, files, 0o600)
}

// Init writes the files of a starter to dir, which must be empty or missing but
// for hidden files; else ErrOccupied.
func Init(dir string, starter map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			return fmt.Errorf("%w: %s; a program begins in an empty one", ErrOccupied, e.Name())
		}
	}
	return write(dir, starter, 0o644) // everybody has the starter
}

// write writes files below dir; the root refuses a name or a link that leads out.
func write(dir string, files map[string]string, mode fs.FileMode) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !fs.ValidPath(name) {
			return fmt.Errorf("%q is not the name of a file below %s", name, dir)
		}
		if folder := path.Dir(name); folder != "." {
			if err := root.MkdirAll(folder, 0o755); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if err := root.WriteFile(name, []byte(files[name]), mode); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// MayHold reports whether a program may have a file of that name, below its directory
// and with slashes.
func MayHold(name string) bool {
	hidden := slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return strings.HasPrefix(part, ".") })
	return fs.ValidPath(name) && !hidden && !strings.ContainsAny(name, "\\\x00\n\r") && (slices.Contains(extensions, strings.ToLower(path.Ext(name))) || IsPicture(name))
}

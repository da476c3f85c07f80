package program_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/internal/program"
)

// put writes files below a new directory.
func put(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadDirTakesWhatAProgramIsMadeOf(t *testing.T) {
	t.Parallel()
	dir := put(t, map[string]string{
		"program.yaml": "a", "campaigns/x/1.en.md": "b", "campaigns/x/2.en.html": "c", "README.md": "d",
		".git/config.yaml": "hidden", "campaigns/x/.3.en.md.swp": "hidden", ".env.yaml": "hidden",
		"logo.png": "\x89PNG", "program.yaml~": "old", "regulars.db": "database",
	})
	want := map[string]string{"program.yaml": "a", "campaigns/x/1.en.md": "b", "campaigns/x/2.en.html": "c", "README.md": "d"}
	if got := readDir(t, dir); !maps.Equal(got, want) {
		t.Errorf("ReadDir = %q, want %q", got, want)
	}
}

func TestReadDirRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		claim string
		spoil func(dir string) error
		want  string
	}{
		{"a link out of the directory", func(dir string) error { return os.Symlink(os.Args[0], filepath.Join(dir, "x.md")) }, "x.md"},
		{"a link to the directory above", func(dir string) error { return os.Symlink("..", filepath.Join(dir, "x.md")) }, "x.md"},
		{"a link to a folder of it", func(dir string) error {
			return errors.Join(os.MkdirAll(filepath.Join(dir, "campaigns/a"), 0o755), os.Symlink("a", filepath.Join(dir, "campaigns/b")))
		}, "campaigns/b is a link to a folder"},
		{"a link to a folder elsewhere", func(dir string) error { return os.Symlink(os.TempDir(), filepath.Join(dir, "campaigns")) }, "campaigns is a link to a folder"},
		{"a link to a folder with a point in its name", func(dir string) error { return os.Symlink(os.TempDir(), filepath.Join(dir, "news.v2")) }, "news.v2 is a link to a folder"},
		{"a link to nowhere", func(dir string) error { return os.Symlink("gone", filepath.Join(dir, "news")) }, "news is a link to a folder"},
		{"a file that is too large", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "x.md"), make([]byte, 2<<20), 0o644)
		}, "larger than 1024 kB"},
		{"too much together", func(dir string) error {
			text := []byte(strings.Repeat("x", 1<<20))
			for _, name := range strings.Split("abcdefghijklmnopqrstuvwxyzäöüßéèñ", "") {
				if err := os.WriteFile(filepath.Join(dir, name+".md"), text, 0o644); err != nil {
					return err
				}
			}
			return nil
		}, "larger than 32 MB"},
	} {
		dir := put(t, map[string]string{"program.yaml": "a"})
		if err := tt.spoil(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := program.ReadDir(dir); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: ReadDir = %v, want an error with %q", tt.claim, err, tt.want)
		}
	}
	if _, err := program.ReadDir(filepath.Join(t.TempDir(), "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("ReadDir(nowhere) = %v, want %v", err, os.ErrNotExist)
	}
}

func TestReadDirFollowsALinkInside(t *testing.T) {
	t.Parallel()
	dir := put(t, map[string]string{"a.en.md": "text"})
	if err := os.Symlink("a.en.md", filepath.Join(dir, "b.en.md")); err != nil {
		t.Fatal(err)
	}
	if got := readDir(t, dir)["b.en.md"]; got != "text" {
		t.Errorf("ReadDir read %q through a link inside, want %q", got, "text")
	}
}

func TestExportWritesWhatWasRead(t *testing.T) {
	t.Parallel()
	files := readDir(t, "testdata/shop")
	dir := filepath.Join(t.TempDir(), "new")
	for range 2 { // over itself too
		if err := program.Export(dir, files, nil); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "program.yaml")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("an exported file is %v, %v, want 0600", info.Mode(), err)
	}
	if got := readDir(t, dir); !maps.Equal(got, files) {
		t.Errorf("ReadDir after Export has %d files, want the same %d", len(got), len(files))
	}
	delete(files, "pools.yaml")
	if err := program.Export(dir, files, nil); !errors.Is(err, program.ErrOccupied) || !strings.Contains(err.Error(), "pools.yaml") {
		t.Errorf("Export over a file that the version does not have = %v, want ErrOccupied with its name", err)
	}
	for _, name := range []string{"../out.md", "/out.md", "a/../../out.md"} {
		if err := program.Export(t.TempDir(), map[string]string{name: "x"}, nil); err == nil {
			t.Errorf("Export(%q) = nil, want an error", name)
		}
	}
}

func TestInitBeginsInAnEmptyDirectory(t *testing.T) {
	t.Parallel()
	dir := put(t, map[string]string{".git/HEAD": "ref"})
	if err := program.Init(dir, map[string]string{"campaigns/welcome/campaign.yaml": "live: false\n"}); err != nil {
		t.Fatal(err)
	}
	if got := readDir(t, dir)["campaigns/welcome/campaign.yaml"]; got != "live: false\n" {
		t.Errorf("Init wrote %q", got)
	}
	if err := program.Init(dir, nil); !errors.Is(err, program.ErrOccupied) {
		t.Errorf("Init in a directory with files = %v, want ErrOccupied", err)
	}
}

func TestHashTellsVersionsApart(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, files := range map[string]map[string]string{
		"none": {}, "one": {"a": "b"}, "other name": {"ab": ""}, "other text": {"a": "c"}, "split elsewhere": {"a": "", "b": ""},
	} {
		h := program.Hash(files)
		if other := seen[h]; other != "" || h != program.Hash(maps.Clone(files)) {
			t.Errorf("Hash(%s) = Hash(%s)", name, other)
		}
		seen[h] = name
	}
}

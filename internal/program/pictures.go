package program

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	_ "image/gif"  // their headers are read
	_ "image/jpeg" // as above
	_ "image/png"  // as above
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"regulars/templates"
)

// Limits on a picture. Mail programs load each one anew, many of them on a phone.
const (
	LargestPicture = 1 << 20 // bytes
	widestPicture  = 4000    // pixels, either way
)

// PicturesFolder is where the pictures of a program stand, which its mails show.
const PicturesFolder = "pictures/"

// pictureTypes are the kinds of pictures, with the endings of their files; the first is
// the one that they are served under.
var pictureTypes = map[string][]string{"png": {".png"}, "jpeg": {".jpg", ".jpeg"}, "gif": {".gif"}, "webp": {".webp"}}

// Picture is a picture of a program. Among the files of a version its place is taken by
// its Text; its bytes are kept apart, under Name.
type Picture struct {
	Name          string // by what it contains: its hash and its ending
	Type          string // png | jpeg | gif | webp
	Width, Height int    // pixels
	Size          int    // bytes
}

// IsPicture reports whether a file of that path is a picture of the program.
func IsPicture(file string) bool {
	base, is := strings.CutPrefix(file, PicturesFolder)
	return is && !strings.Contains(base, "/") && !strings.HasPrefix(base, ".") && typeOf(base) != ""
}

// typeOf is the type of picture that a file's ending tells, "" for none.
func typeOf(file string) string {
	for kind, endings := range pictureTypes {
		if slices.Contains(endings, strings.ToLower(path.Ext(file))) {
			return kind
		}
	}
	return ""
}

// ReadPicture looks at the bytes of a picture. What it is is told by them alone; its error
// says in words what is wrong with it.
func ReadPicture(body []byte) (p Picture, err error) {
	if len(body) > LargestPicture {
		return p, fmt.Errorf("the picture is larger than %d kB: make it smaller, mails are read on phones", LargestPicture>>10)
	}
	if p.Width, p.Height = webp(body); p.Width > 0 {
		p.Type = "webp"
	} else {
		config, kind, err := image.DecodeConfig(bytes.NewReader(body))
		if err != nil {
			return p, fmt.Errorf("this is no picture that mail programs show: it may be a PNG, a JPEG, a GIF or a WebP")
		}
		p.Type, p.Width, p.Height = kind, config.Width, config.Height
	}
	if p.Width < 1 || p.Height < 1 || p.Width > widestPicture || p.Height > widestPicture {
		return p, fmt.Errorf("the picture is %d × %d pixels, and mails show at most %d × %[3]d", p.Width, p.Height, widestPicture)
	}
	sum := sha256.Sum256(body)
	p.Name, p.Size = hex.EncodeToString(sum[:16])+pictureTypes[p.Type][0], len(body)
	return p, nil
}

// webp reads the size of a WebP from its header; zero: it is none.
func webp(b []byte) (width, height int) {
	if len(b) < 30 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WEBP" {
		return 0, 0
	}
	switch string(b[12:16]) {
	case "VP8 ":
		return int(binary.LittleEndian.Uint16(b[26:]) & 0x3fff), int(binary.LittleEndian.Uint16(b[28:]) & 0x3fff)
	case "VP8L":
		bits := binary.LittleEndian.Uint32(b[21:])
		return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1
	case "VP8X":
		of24 := func(at int) int { return int(b[at]) | int(b[at+1])<<8 | int(b[at+2])<<16 }
		return of24(24) + 1, of24(27) + 1
	}
	return 0, 0
}

// Text is what stands for the picture among the files of a version.
func (p Picture) Text() string {
	return fmt.Sprintf("picture %s %s %d %d %d\n", p.Name, p.Type, p.Width, p.Height, p.Size)
}

// PictureOf reads the Text of a picture.
func PictureOf(text string) (p Picture, ok bool) {
	n, err := fmt.Sscanf(text, "picture %s %s %d %d %d\n", &p.Name, &p.Type, &p.Width, &p.Height, &p.Size)
	return p, n == 5 && err == nil && text == p.Text() && IsPicture(PicturesFolder+p.Name)
}

// PicturesOf are the pictures among the files of a version, by path.
func PicturesOf(files map[string]string) map[string]Picture {
	all := map[string]Picture{}
	for file, text := range files {
		if p, ok := PictureOf(text); ok && IsPicture(file) {
			all[file] = p
		}
	}
	return all
}

// PictureName makes the path of a picture out of what somebody calls it; its ending is that
// of what it is.
func PictureName(called, kind string) string {
	called = strings.ToLower(strings.TrimSuffix(path.Base(strings.ReplaceAll(called, "\\", "/")), path.Ext(called)))
	name := strings.Trim(strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' {
			return c
		}
		return '-'
	}, called), "-")
	if name == "" {
		name = "picture"
	}
	return PicturesFolder + name[:min(len(name), 60)] + pictureTypes[kind][0]
}

// BytesOf reads the bytes of the pictures of a program directory, by their Name.
func BytesOf(dir string, files map[string]string) (map[string][]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	all := map[string][]byte{}
	for file, p := range PicturesOf(files) {
		body, err := readFile(root, file)
		if err != nil {
			return nil, fmt.Errorf("%s%w", file, err)
		}
		if now, err := ReadPicture([]byte(body)); err != nil || now != p {
			return nil, fmt.Errorf("%s has changed while it was read: try again", file)
		}
		all[p.Name] = []byte(body)
	}
	return all, nil
}

// readPictures reports what is no picture, and tells mails which there are.
func (r *loader) readPictures() map[string]templates.Picture {
	all := map[string]templates.Picture{}
	for file, text := range r.files {
		if !IsPicture(file) {
			continue
		}
		p, ok := PictureOf(text)
		if !ok {
			why, is := strings.CutPrefix(strings.TrimSpace(text), noPicture)
			if !is {
				why = "this is no picture"
			}
			r.fileProblem(file, Error, why, "put a PNG, JPEG, GIF or WebP there, or take the file away")
			continue
		}
		all[file] = templates.Picture{Served: p.Name, Width: p.Width}
	}
	return all
}

// noPicture begins what stands for a file that is no picture.
const noPicture = "no picture: "

// pictureText is what stands for the bytes of a picture's file.
func pictureText(body string) string {
	p, err := ReadPicture([]byte(body))
	if err != nil {
		return noPicture + err.Error() + "\n"
	}
	return p.Text()
}

// WithBytes are the files of a version with the bytes of its pictures in their places.
func WithBytes(files map[string]string, pictures map[string][]byte) (map[string]string, error) {
	whole := maps.Clone(files)
	for file, p := range PicturesOf(files) {
		body, ok := pictures[p.Name]
		if !ok {
			return nil, fmt.Errorf("the bytes of %s are not kept any more", file)
		}
		whole[file] = string(body)
	}
	return whole, nil
}

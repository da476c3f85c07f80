package versions

import (
	"fmt"
	"maps"
	"slices"

	"regulars/internal/program"
	"regulars/internal/store"
)

// PutPicture keeps the bytes of a picture under its name, which tells what they are.
func PutPicture(tx *store.Tx, p program.Picture, body []byte) error {
	_, err := tx.Exec("insert into pictures (name, bytes, kept, at) values (@name, @bytes, false, @now) on conflict (name) do nothing",
		store.Args{"name": p.Name, "bytes": body, "now": tx.At})
	return err
}

// PictureBytes are those of a picture by its name; store.ErrNotFound where there is none.
func PictureBytes(tx *store.Tx, name string) (body []byte, err error) {
	var found struct{ Bytes []byte }
	err = tx.One(&found, "select bytes from pictures where name = @name", store.Args{"name": name})
	return found.Bytes, err
}

// Pictures are the bytes of the pictures among the files of a version, by name.
func Pictures(tx *store.Tx, files map[string]string) (map[string][]byte, error) {
	all := map[string][]byte{}
	for file, p := range program.PicturesOf(files) {
		body, err := PictureBytes(tx, p.Name)
		if err != nil {
			return nil, fmt.Errorf("the bytes of %s: %w", file, err)
		}
		all[p.Name] = body
	}
	return all, nil
}

// keepPictures has the pictures of a version stay for good: mails that were sent show
// them. One whose bytes nobody brought is an error.
func keepPictures(tx *store.Tx, files map[string]string) error {
	pictures := program.PicturesOf(files)
	for _, file := range slices.Sorted(maps.Keys(pictures)) {
		n, err := tx.Exec("update pictures set kept = true where name = @name", store.Args{"name": pictures[file].Name})
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("the bytes of %s are not here: apply the directory that has it, or upload it", file)
		}
	}
	return nil
}

// DropPictures takes away the pictures of a draft that no version and no other open draft
// has.
func DropPictures(tx *store.Tx, names []string) error {
	for _, name := range names {
		_, err := tx.Exec(`
			delete from pictures
			where  name = @name and not kept
			and    not exists (select 1 from proposals p where p.state in ('draft', 'proposed') and cast(p.files as text) like @like)`,
			store.Args{"name": name, "like": "%picture " + name + " %"})
		if err != nil {
			return err
		}
	}
	return nil
}

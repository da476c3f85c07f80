package public

import (
	"errors"
	"net/http"

	"regulars/internal/person"
	"regulars/internal/store"
)

// apiExport answers with all that is known of a member.
func (s *server) apiExport(w http.ResponseWriter, r *http.Request, _ caller) error {
	w.Header().Set("Cache-Control", "no-store")
	var d person.Document
	err := s.reads.View(r.Context(), func(tx *store.Tx) error {
		id, err := memberAt(tx, r)
		if err == nil {
			d, err = person.Export(tx, id)
		}
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, d)
}

// apiErase takes away what is known of a member. Whoever asks again is told that there is
// nobody.
func (s *server) apiErase(w http.ResponseWriter, r *http.Request, c caller) error {
	var e person.Erased
	err := s.DB.Update(r.Context(), func(tx *store.Tx) error {
		id, err := memberAt(tx, r)
		if err == nil {
			e, err = person.Erase(tx, id, "api: "+c.name)
		}
		return err
	})
	if err != nil {
		return err
	}
	person.Shred(r.Context(), s.DB)
	return writeJSON(w, http.StatusOK, e)
}

// apiMerge makes two members one. Doing it again changes nothing.
func (s *server) apiMerge(w http.ResponseWriter, r *http.Request, c caller) error {
	body, err := readObject(r, "into")
	if err != nil {
		return err
	}
	into, err := body.text("into")
	if err != nil {
		return err
	}
	if into == "" {
		return wrongField("into", "say who stays: into is the shop's id of the other member")
	}
	var done person.Merged
	err = s.DB.Update(r.Context(), func(tx *store.Tx) error {
		from, err := memberAt(tx, r)
		if err != nil {
			return err
		}
		stays, err := memberNamed(tx, into)
		if err != nil {
			return err
		}
		done, err = person.Merge(tx, from, stays, "api: "+c.name)
		return err
	})
	if refused := (*person.Refused)(nil); errors.As(err, &refused) {
		return refuse(http.StatusConflict, "%v", refused)
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, done)
}

// memberAt returns the member whom a path names, 404 for nobody.
func memberAt(tx *store.Tx, r *http.Request) (int64, error) {
	id, err := memberNamed(tx, r.PathValue("id"))
	if id == 0 || err != nil {
		if bad := (*refusal)(nil); err == nil || errors.As(err, &bad) {
			return 0, refuse(http.StatusNotFound, "there is no member %q", r.PathValue("id"))
		}
	}
	return id, err
}

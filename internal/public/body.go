package public

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/semaphore"

	"regulars/internal/webhook"
)

// What bodies may weigh, in bytes.
const (
	smallBody = 128 << 10 // a form, a job
	largeBody = webhook.MaxBody

	// heldBodies is what all large bodies together may weigh while they are read
	// and worked on: strangers must not fill the memory with deliveries that turn
	// out to be unsigned.
	heldBodies = 128 << 20
)

// hold reads a whole body. What it holds must be given back by release, also
// after an error. A sender takes only for what they have sent: announcing eight
// megabytes and being slow costs others nothing.
func (s *server) hold(r *http.Request) (body []byte, release func(), err error) {
	h := held{spare: s.spare}
	err = h.read(r.Body)
	var large *http.MaxBytesError
	if err != nil && !errors.As(err, &large) && !errors.Is(err, errFull) {
		err = refuse(http.StatusBadRequest, "the body broke off")
	}
	return h.body, func() { s.spare.Release(h.taken) }, err
}

var errFull = &refusal{status: http.StatusServiceUnavailable, words: "too much is being delivered at once; try again"}

// held is a body whose bytes are counted against what may be held.
type held struct {
	body  []byte
	spare *semaphore.Weighted
	taken int64
}

func (h *held) read(from io.Reader) error {
	chunk := make([]byte, 16<<10)
	for {
		n, err := from.Read(chunk)
		if !h.spare.TryAcquire(int64(n)) {
			return errFull
		}
		h.taken += int64(n)
		h.body = append(h.body, chunk[:n]...)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// object is a JSON object of the API, field by field.
type object map[string]json.RawMessage

// readObject reads a small body that is one JSON object with no other fields
// than these. An empty body is an empty object.
func readObject(r *http.Request, fields ...string) (object, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	o := object{}
	if len(bytes.TrimSpace(body)) == 0 {
		return o, nil
	}
	if err := json.Unmarshal(body, &o); err != nil || o == nil {
		return nil, refuse(http.StatusBadRequest, "the body is not a JSON object with %s", strings.Join(fields, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(fields, name) {
			return nil, wrongField(name, "there is no field %q; there are %s", name, strings.Join(fields, ", "))
		}
	}
	return o, nil
}

// text returns a field that is a string or a number, as it was written; "" when
// it is missing or null.
func (o object) text(name string) (string, error) {
	v, err := scalar(o[name])
	if err != nil {
		return "", wrongField(name, "%s is %v", name, err)
	}
	return v, nil
}

// texts returns a field that is an object of strings, numbers and booleans.
func (o object) texts(name string) (map[string]string, error) {
	if len(o[name]) == 0 {
		return nil, nil
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(o[name], &raw); err != nil {
		return nil, wrongField(name, "%s is not an object like {\"campaign\": \"summer\"}", name)
	}
	values := map[string]string{}
	for key, v := range raw {
		text, err := scalar(v)
		if err != nil {
			return nil, wrongField(name+"."+key, "%s is %v", key, err)
		}
		values[key] = text
	}
	return values, nil
}

// scalar returns a JSON string without its quotes, and a number or boolean as it
// was written: 0123 in quotes and 5.00 stay what they are.
func scalar(raw json.RawMessage) (string, error) {
	var text string
	switch v := string(raw); {
	case v == "" || v == "null":
		return "", nil
	case v[0] == '{' || v[0] == '[':
		return "", errors.New("not a text or a number")
	case v[0] != '"':
		return v, nil
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", fmt.Errorf("not a text: %w", err)
	}
	return text, nil
}

package public

import (
	_ "embed"
	"net/http"
)

//go:embed openapi.json
var openAPIFile []byte

// openAPI describes the API; a test holds it to the routes and to what they answer.
func (s *server) openAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openAPIFile) // the caller has gone away: nobody to tell
	return nil
}

// Package internal has no code of its own: this test holds the house to its map.
package internal

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows says which rooms a room may import: the ones named here and whatever
// those may import in turn. A room that is not here may import nothing of ours.
// If an arrow turns out wrong, change it here and in README.md with the reason.
var arrows = map[string][]string{
	"internal/loyalty":                 {},
	"internal/forecast":                {},
	"internal/plot":                    {},
	"internal/help":                    {},
	"segments":                         {"internal/forecast", "internal/loyalty"},
	"templates":                        {"internal/loyalty"},
	"internal/store":                   {"internal/loyalty"},
	"internal/patiently":               {},
	"internal/store/storetest":         {"internal/patiently", "internal/store"},
	"internal/store/storetest/watched": {},
	"internal/staff":                   {"internal/address", "internal/store"},
	"internal/norms":                   {"internal/forecast", "internal/store", "segments"},
	"internal/address":                 {},
	"internal/program":                 {"internal/address", "segments", "templates"},
	"internal/outbox":                  {"internal/store"},
	"internal/outbox/post":             {"internal/outbox", "internal/webhook"}, // webhook: the secrets of Standard Webhooks, which both read
	"internal/consent":                 {"internal/outbox", "internal/program"},
	"internal/coupon":                  {"internal/outbox", "internal/program"},
	"internal/rules":                   {"internal/norms", "internal/program"},
	"internal/versions":                {"internal/consent", "internal/rules"},
	"internal/occurrence":              {"internal/store"},
	"internal/isolation":               {"internal/versions"},
	"internal/happenings":              {"internal/isolation"},
	"internal/membership":              {"internal/happenings"},
	"internal/tiers":                   {"internal/happenings"},
	"internal/flows":                   {"internal/coupon", "internal/membership", "internal/occurrence"},
	"internal/runs":                    {"internal/flows"},
	"internal/apply":                   {"internal/runs", "internal/tiers"},
	"internal/why":                     {"internal/runs"},
	"internal/phone":                   {},
	"internal/points":                  {"internal/coupon", "internal/happenings"},
	"internal/intake":                  {"internal/phone", "internal/points", "internal/tiers"},
	"internal/person":                  {"internal/flows", "internal/intake", "internal/staff"}, // flows: passages end by an erasure and a merge
	"internal/importer":                {"internal/flows", "internal/intake"},                   // flows: campaigns settle with what a file brought
	"internal/webhook":                 {"internal/loyalty"},
	"internal/parked":                  {"internal/person", "internal/webhook"},
	"internal/bounce":                  {},
	"internal/inbound":                 {"internal/bounce"},
	"internal/mailnews":                {"internal/bounce", "internal/webhook"},
	"internal/delivery":                {"internal/address", "internal/consent", "internal/coupon", "internal/delivery/compose", "internal/delivery/wirelog", "internal/mailnews", "internal/norms", "internal/program", "internal/store", "internal/tiers"},
	"internal/delivery/wirelog":        {},
	"internal/delivery/compose":        {"internal/address", "templates"},
	"internal/delivery/smtp":           {"internal/delivery"},
	"internal/delivery/dkim":           {"internal/delivery"},
	"internal/engine":                  {"internal/delivery", "internal/intake", "internal/runs"},
	"internal/report":                  {"internal/forecast", "internal/norms", "internal/outbox", "internal/phone", "internal/plot", "segments"},
	"internal/marketing":               {"internal/apply", "internal/intake", "internal/person", "internal/delivery", "internal/report"},
	"internal/embedded":                {"internal/loyalty"},
	"jobs":                             {"internal/engine", "internal/importer", "internal/marketing", "internal/rehearsal"}, // rehearsal: a change of the program is rehearsed by a worker
	"jobs/jobstest":                    {"internal/patiently", "jobs"},
	"internal/look":                    {},
	"internal/look/looktest":           {"internal/patiently"},
	"internal/remote":                  {},
	"internal/public":                  {"jobs", "internal/parked", "internal/engine", "internal/report", "internal/look", "internal/remote"},
	"internal/console":                 {"jobs", "internal/engine", "internal/report", "internal/look", "internal/remote", "internal/staff", "internal/why", "internal/help", "internal/delivery/dkim", "internal/parked"}, // dkim: which records its keys need; parked: a person deals with what waits
	"internal/demo":                    {"internal/apply", "internal/engine", "internal/marketing", "internal/report"},
	"internal/rehearsal":               {"internal/apply", "internal/engine", "internal/plot"},
	"internal/bench":                   {"internal/embedded", "internal/public", "internal/console"}, // embedded: the relay and the Redis of bench faults; public: the hooks of bench ingest; console: the pages of bench pages
	"cmd/regulars": {"internal/inbound", "internal/console", "internal/public", "internal/demo", "internal/bench", "internal/rehearsal",
		"internal/apply", "internal/embedded", "internal/delivery/dkim", "internal/delivery/smtp", "internal/outbox/post", "internal/why", "internal/help", "jobs"},
	"internal/shoptest":              {"internal/apply", "internal/engine", "internal/store/storetest"},
	"internal/importer/importertest": {"internal/importer", "internal/store/storetest"},
}

// fences says which rooms alone may import a library.
var fences = map[string][]string{
	"gorm.io/":                      {"internal/store"},
	"github.com/jackc/":             {"internal/store", "internal/store/storetest"},
	"modernc.org/":                  {"internal/store"},
	"github.com/pressly/":           {"internal/store"},
	"github.com/hibiken/asynq":      {"jobs", "internal/embedded"},
	"github.com/redis/":             {"jobs", "internal/embedded"},
	"github.com/alicebob/":          {"internal/embedded"},
	"github.com/wneessen/go-mail":   {"internal/delivery/compose", "internal/delivery/smtp", "internal/bench"}, // bench: a peer of bench send
	"github.com/emersion/":          {"internal/embedded", "internal/inbound"},
	"github.com/yuin/goldmark":      {"templates", "internal/help"},
	"github.com/goccy/go-yaml":      {"internal/program", "templates"}, // templates reads its words, in the form in which programs bring theirs
	"github.com/spf13/cobra":        {"cmd/regulars"},
	"gonum.org/":                    {"internal/forecast"},
	"github.com/nyaruka/":           {"internal/phone"},
	"code.dny.dev/ssrf":             {"internal/outbox/post"},
	"github.com/standard-webhooks/": {"internal/webhook", "internal/outbox/post"},
	"golang.org/x/crypto/":          {"internal/staff"},
	"golang.org/x/oauth2":           {"internal/staff"},
	"github.com/coreos/go-oidc/":    {"internal/staff"},
	"github.com/go-webauthn/":       {"internal/staff"},
}

// pure are the rooms that import nothing beyond the standard library.
var pure = []string{"internal/loyalty", "internal/plot", "internal/bounce"}

var vague = []string{"util", "utils", "common", "models", "helpers"}

func TestArrowsGoDown(t *testing.T) {
	t.Parallel()
	for room, imports := range houseImports(t) {
		allowed := reach(room)
		if _, known := arrows[room]; !known {
			t.Errorf("%s is not on the map: add it to arrows and to README.md", room)
		}
		for _, imp := range imports {
			if inner, ours := strings.CutPrefix(imp, "regulars/"); ours && !allowed[inner] {
				t.Errorf("%s imports %s: no arrow goes there", room, inner)
			}
		}
	}
}

func TestFencesHold(t *testing.T) {
	t.Parallel()
	for room, imports := range houseImports(t) {
		for _, imp := range imports {
			for library, rooms := range fences {
				if strings.HasPrefix(imp, library) && !slices.Contains(rooms, room) {
					t.Errorf("%s imports %s: only %v may", room, imp, rooms)
				}
			}
			if host, _, _ := strings.Cut(imp, "/"); slices.Contains(pure, room) && strings.Contains(host, ".") {
				t.Errorf("%s imports %s: it is to be pure", room, imp)
			}
		}
		if slices.Contains(vague, path.Base(room)) {
			t.Errorf("%s says nothing by its name", room)
		}
	}
}

// TestTheTopLevelIsTheUsersCard asks git what belongs to the repository: a program
// directory, a database and secrets beside it are its user's own. In an unpacked
// archive without git there is nothing to ask.
func TestTheTopLevelIsTheUsersCard(t *testing.T) {
	t.Parallel()
	card := []string{"cmd", "jobs", "segments", "templates", "internal", "go.mod", "go.sum", "docker-compose.yml", "README.md"}
	tracked := exec.Command("git", "ls-files", "-z")
	tracked.Dir = ".."
	out, err := tracked.Output()
	if err != nil {
		t.Skip("this is no clone of the repository, or there is no git: ", err)
	}
	found := map[string]bool{}
	for file := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		top, _, _ := strings.Cut(file, "/")
		found[top] = true
	}
	for name := range found {
		if !strings.HasPrefix(name, ".") && !slices.Contains(card, name) {
			t.Errorf("%s does not belong at the top level", name)
		}
	}
	for _, name := range card {
		if !found[name] {
			t.Errorf("%s is missing at the top level", name)
		}
	}
}

// reach returns every room that arrows lead to from room.
func reach(room string) map[string]bool {
	seen := map[string]bool{}
	var walk func(string)
	walk = func(r string) {
		for _, next := range arrows[r] {
			if !seen[next] {
				seen[next] = true
				walk(next)
			}
		}
	}
	walk(room)
	return seen
}

// houseImports returns the imports of each room's code, tests left out.
func houseImports(t *testing.T) map[string][]string {
	t.Helper()
	house := map[string]map[string]bool{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		room := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(file), ".."+string(filepath.Separator)))
		if house[room] == nil {
			house[room] = map[string]bool{}
		}
		for _, spec := range parsed.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			house[room][imp] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for room, imports := range house {
		got[room] = slices.Sorted(maps.Keys(imports))
	}
	return got
}

package public_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regulars/internal/public"
	"regulars/internal/store"
	"regulars/internal/store/storetest"
	"regulars/jobs"
)

// description is the part of OpenAPI that the file uses.
type description struct {
	Paths map[string]map[string]struct {
		Summary   string
		Responses map[string]struct {
			Description string
			Content     map[string]struct{ Schema schema }
		}
	}
	Components struct{ Schemas map[string]schema }
}

type schema map[string]any

func readDescription(t testing.TB) description {
	t.Helper()
	text, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var d description
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// checkAgainstOpenAPI holds an answer of /v1 to what the file says of it: the
// status is there, and the body is of its schema.
func checkAgainstOpenAPI(t testing.TB, method, path string, a answer) {
	t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	if a.Status == 405 || a.Status >= 500 && a.Status != 503 {
		return // of the mux, and of the database being away: of no route in particular
	}
	d := readDescription(t)
	for pattern, methods := range d.Paths {
		if !matches(pattern, u.Path) {
			continue
		}
		response, ok := methods[strings.ToLower(strings.Replace(method, "HEAD", "GET", 1))].Responses[strconv.Itoa(a.Status)]
		if !ok {
			t.Errorf("%s %s answers %d, which openapi.json does not name: %s", method, pattern, a.Status, a.Body)
			return
		}
		var v any
		if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
			t.Errorf("%s %s: not JSON: %s", method, pattern, a.Body)
			return
		}
		for _, wrong := range d.against(response.Content["application/json"].Schema, v, "body") {
			t.Errorf("%s %s answers %d, against openapi.json: %s", method, pattern, a.Status, wrong)
		}
		return
	}
	if a.Status != 404 {
		t.Errorf("%s %s is in no path of openapi.json but answers %d", method, path, a.Status)
	}
}

var hole = regexp.MustCompile(`\\\{[a-z]+\\\}`)

func matches(pattern, path string) bool {
	re := "^" + hole.ReplaceAllString(regexp.QuoteMeta(pattern), "[^/]+") + "$"
	return regexp.MustCompile(re).MatchString(path)
}

// against returns how a value breaks a schema.
func (d description) against(s schema, v any, at string) (wrong []string) {
	if ref, ok := s["$ref"].(string); ok {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		if d.Components.Schemas[name] == nil {
			return []string{at + ": no schema " + name}
		}
		return d.against(d.Components.Schemas[name], v, at)
	}
	if values, ok := s["enum"].([]any); ok && !slices.Contains(values, v) {
		wrong = append(wrong, fmt.Sprintf("%s: %v is none of %v", at, v, values))
	}
	if !hasType(s["type"], v) {
		return append(wrong, fmt.Sprintf("%s: %v is no %v", at, v, s["type"]))
	}
	switch v := v.(type) {
	case []any:
		items, _ := s["items"].(map[string]any)
		for i, item := range v {
			wrong = append(wrong, d.against(items, item, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		wrong = append(wrong, d.fields(s, v, at)...)
	}
	return wrong
}

func (d description) fields(s schema, v map[string]any, at string) (wrong []string) {
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, has := v[name.(string)]; !has {
			wrong = append(wrong, fmt.Sprintf("%s: %v is missing", at, name))
		}
	}
	properties, _ := s["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(v)) {
		part, named := properties[name].(map[string]any)
		if !named {
			if s["additionalProperties"] == false {
				wrong = append(wrong, at+"."+name+" is not described")
			}
			part, _ = s["additionalProperties"].(map[string]any)
		}
		wrong = append(wrong, d.against(part, v[name], at+"."+name)...)
	}
	return wrong
}

func hasType(types, v any) bool {
	if types == nil {
		return true
	}
	names, several := types.([]any)
	if !several {
		names = []any{types}
	}
	is := "null"
	switch n := v.(type) {
	case string:
		is = "string"
	case bool:
		is = "boolean"
	case []any:
		is = "array"
	case map[string]any:
		is = "object"
	case float64:
		is = "number"
		if n == float64(int64(n)) && slices.Contains(names, "integer") {
			is = "integer"
		}
	}
	return slices.Contains(names, any(is))
}

func TestTheDescriptionAndTheRoutesAreTheSame(t *testing.T) {
	t.Parallel()
	d := readDescription(t)
	var described, routes []string
	for path, methods := range d.Paths {
		for method, operation := range methods {
			described = append(described, strings.ToUpper(method)+" "+path)
			if operation.Summary == "" {
				t.Errorf("%s %s has no summary", method, path)
			}
		}
	}
	for _, pattern := range (&public.Site{}).Patterns() {
		if strings.Contains(pattern, " /v1/") {
			routes = append(routes, pattern)
		}
	}
	slices.Sort(described)
	slices.Sort(routes)
	if !slices.Equal(described, routes) {
		t.Errorf("openapi.json describes\n %q, the routes are\n %q", described, routes)
	}
}

func TestTheDescriptionNamesEachKindOfJob(t *testing.T) {
	t.Parallel()
	kind := readDescription(t).Components.Schemas["JobOrder"]["properties"].(map[string]any)["kind"].(map[string]any)
	var names []string
	for _, name := range kind["enum"].([]any) {
		names = append(names, name.(string))
	}
	if !slices.Equal(names, jobs.Kinds()) {
		t.Errorf("openapi.json names the kinds %v, there are %v", names, jobs.Kinds())
	}
}

func TestTheDescriptionIsServed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		a := h.ask("GET", "/v1/openapi.json", "")
		want, err := os.ReadFile("openapi.json")
		if err != nil || a.Status != 200 || a.Body != string(want) {
			t.Errorf("GET /v1/openapi.json = %d, %d bytes; want the file, without a token (%v)", a.Status, len(a.Body), err)
		}
	})
}

package internal

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layered are the rooms in which arrows between files go down, too: a file that uses a
// name of another is above it, and no way leads back.
var layered = []string{"internal/apply", "internal/delivery", "internal/delivery/smtp", "internal/flows", "internal/happenings", "internal/isolation",
	"internal/membership", "internal/occurrence", "internal/rules", "internal/runs", "internal/versions", "internal/why"}

func TestArrowsBetweenFilesGoDown(t *testing.T) {
	t.Parallel()
	for _, room := range layered {
		uses, err := fileUses(room)
		if err != nil {
			t.Errorf("%s: %v", room, err)
			continue
		}
		if circle := findCircle(uses); circle != nil {
			var steps []string
			for i, from := range circle {
				to := circle[(i+1)%len(circle)]
				steps = append(steps, fmt.Sprintf("\n  %s uses %s of %s", from, strings.Join(slices.Sorted(maps.Keys(uses[from][to])), ", "), to))
			}
			t.Errorf("%s: files use each other in a circle:%s", room, strings.Join(steps, ""))
		}
	}
}

// fileUses returns which names of which other file each file of a room uses: functions,
// types, variables, constants and methods. Tests are left out.
func fileUses(room string) (map[string]map[string]map[string]bool, error) {
	names, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(room), "*.go"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("it has no files: %w", err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	// Other rooms are not looked into: what is wrong with them is no matter here.
	config := types.Config{Importer: strangers{}, Error: func(error) {}}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	checked, _ := config.Check(room, set, files, &info)
	uses := map[string]map[string]map[string]bool{}
	for id, used := range info.Uses {
		if used.Pkg() != checked {
			continue
		}
		method, ok := used.(*types.Func)
		if used.Parent() != checked.Scope() && (!ok || method.Signature().Recv() == nil) {
			continue // a local name, or a field
		}
		from, to := filepath.Base(set.Position(id.Pos()).Filename), filepath.Base(set.Position(used.Pos()).Filename)
		if from == to {
			continue
		}
		if uses[from] == nil {
			uses[from] = map[string]map[string]bool{}
		}
		if uses[from][to] == nil {
			uses[from][to] = map[string]bool{}
		}
		uses[from][to][used.Name()] = true
	}
	return uses, nil
}

// strangers imports every package as an empty one.
type strangers struct{}

func (strangers) Import(p string) (*types.Package, error) {
	pkg := types.NewPackage(p, path.Base(p))
	pkg.MarkComplete()
	return pkg, nil
}

// findCircle returns files of which each uses the next and the last the first; nil:
// there are none.
func findCircle(uses map[string]map[string]map[string]bool) []string {
	done := map[string]bool{}
	var way []string
	var walk func(file string) []string
	walk = func(file string) []string {
		if i := slices.Index(way, file); i >= 0 {
			return way[i:]
		}
		if done[file] {
			return nil
		}
		way = append(way, file)
		for _, to := range slices.Sorted(maps.Keys(uses[file])) {
			if circle := walk(to); circle != nil {
				return circle
			}
		}
		way, done[file] = way[:len(way)-1], true
		return nil
	}
	for _, file := range slices.Sorted(maps.Keys(uses)) {
		if circle := walk(file); circle != nil {
			return circle
		}
	}
	return nil
}

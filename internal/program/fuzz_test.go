package program_test

import (
	"path/filepath"
	"strings"
	"testing"

	"regulars/internal/program"
)

// Whatever stands in the files, Load answers, and points into them.
func FuzzLoad(f *testing.F) {
	names := []string{"program.yaml", "segments.yaml", "pools.yaml", "campaigns/win-back/campaign.yaml", "campaigns/win-back/hello.en.md"}
	cases, err := filepath.Glob("testdata/wrong/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	t := &testing.T{}
	for i, name := range names {
		f.Add(i, right(t)[name])
	}
	for _, path := range cases {
		_, changed, _ := unpack(t, path)
		for i, name := range names {
			if text, ok := changed[name]; ok {
				f.Add(i, text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, which int, text string) {
		name := names[uint(which)%uint(len(names))]
		files := right(t)
		files[name] = text
		p, _, problems := program.Load(files)
		if p == nil {
			t.Fatal("Load returned no program")
		}
		for _, problem := range problems {
			count := strings.Count(files[problem.File], "\n") + 1
			if problem.Message == "" || problem.Line < 0 || problem.Line > count || problem.Line > 0 && problem.Column < 1 {
				t.Errorf("%s is outside of the file of %d lines", problem, count)
			}
		}
		if !program.Blocked(problems) {
			program.Plan(program.Version{}, program.Version{Program: p, Files: files})
		}
	})
}

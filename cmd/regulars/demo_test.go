package main

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestATakenPortIsSaidBeforeAnythingIsPlayed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, command := range []string{"demo", "serve"} {
		got := shop{t: t, env: []string{"DATABASE_URL=sqlite:" + t.TempDir() + "/shop.db"}}.run(command, "--listen", taken.Addr().String())
		if got.code != failed || !strings.Contains(got.err, "address already in use") || !strings.Contains(got.err, "--listen") {
			t.Errorf("regulars %s on a taken port: exit %d, %q, want exit %d and that --listen names another", command, got.code, got.err, failed)
		}
		if got.out != "" || strings.Contains(got.err, "database:") {
			t.Errorf("regulars %s on a taken port began: %q, %q", command, got.out, got.err)
		}
	}
}

func TestTheDemoTellsWhatCameOfIt(t *testing.T) {
	t.Parallel()
	s := shop{t: t, env: []string{"DATABASE_URL=postgres://nobody@127.0.0.1:1/none", "REDIS_URL=redis://127.0.0.1:1", "SMTP_URL=smtp://127.0.0.1:1"}}
	out := s.must("demo", "--exit", "--days", "12", "--members", "60")
	for _, want := range []string{"Harbour Coffee", "welcome", "The drop gave", "Beans, with the year before: ", "Members with a tier: ", "Coffee cards filled", "mails went over SMTP"} {
		if !strings.Contains(out, want) {
			t.Errorf("the demo does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "\n\n\n") {
		t.Errorf("the demo leaves a gap where it has nothing to say:\n%s", out)
	}
}

func TestLinksGoWhereTheServiceListens(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ base, listen, want string }{
		{"", ":8080", "http://localhost:8080"},
		{"", "0.0.0.0:8080", "http://localhost:8080"},
		{"", "[::]:8080", "http://localhost:8080"},
		{"", "127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"", "[::1]:8080", "http://[::1]:8080"},
		{"", "192.0.2.7:80", "http://192.0.2.7:80"},
		{"https://mail.shop.example/", ":8080", "https://mail.shop.example"},
	} {
		a := &app{config: config{BaseURL: tt.base, Listen: tt.listen}}
		if got := a.baseURL(); got != tt.want {
			t.Errorf("links with BASE_URL %q, listening on %s, go to %s, want %s", tt.base, tt.listen, got, tt.want)
		}
	}
}

func TestAnInterruptedDemoLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs strings.Builder
	code := run(ctx, []string{"demo", "--exit"}, surroundings{in: strings.NewReader(""), out: &out, err: &errs})
	if code != failed || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("an interrupted demo: exit %d, %q", code, errs.String())
	}
	if left, err := filepath.Glob(dir + "/*"); err != nil || len(left) > 0 {
		t.Errorf("an interrupted demo leaves %v, %v", left, err)
	}
}

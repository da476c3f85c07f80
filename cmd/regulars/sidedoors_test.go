package main

import (
	"bytes"
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/internal/patiently"
)

func TestMetricsAndProfilesHaveAddressesOfTheirOwn(t *testing.T) {
	t.Parallel()
	pages, metrics, pprof := patiently.Address(t), patiently.Address(t), patiently.Address(t)
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	defer serving.Wait()
	defer stop()
	var said bytes.Buffer
	serving.Go(func() {
		run(ctx, []string{"serve", "--pprof", pprof}, surroundings{in: strings.NewReader(""), out: &said, err: &said, grace: time.Second, timing: patiently.AtMost, env: []string{
			"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "shop.db"), "LISTEN=" + pages, "METRICS_LISTEN=" + metrics, "LOG_LEVEL=error",
		}})
	})
	for _, tt := range []struct {
		url  string
		want int
	}{
		{pages + "/readyz", 200}, {metrics + "/metrics", 200}, {pprof + "/debug/pprof/", 200}, {pprof + "/debug/pprof/goroutine?debug=1", 200},
		{pages + "/metrics", 404}, {pages + "/debug/pprof/", 404}, {metrics + "/readyz", 404}, {metrics + "/inbox/", 404}, {metrics + "/debug/pprof/", 404}, {pprof + "/metrics", 404},
	} {
		if got := status(t, "http://"+tt.url, tt.want); got != tt.want {
			t.Errorf("GET %s: %d, want %d", tt.url, got, tt.want)
		}
	}
}

// status asks until there is an answer that stays.
func status(t *testing.T, url string, want int) (got int) {
	t.Helper()
	patiently.UntilRight(t, func() string {
		answer, err := http.Get(url)
		if err != nil {
			return err.Error()
		}
		answer.Body.Close()
		if got = answer.StatusCode; got != want && got == http.StatusServiceUnavailable {
			return answer.Status
		}
		return ""
	})
	return got
}

func TestProfilesAreForThisMachine(t *testing.T) {
	t.Parallel()
	s := shop{t: t, env: []string{"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "shop.db")}}
	for _, address := range []string{":6060", "0.0.0.0:6060", "[::]:6060", "192.0.2.1:6060", "shop.example:6060"} {
		if got := s.run("serve", "--pprof", address); got.code != misuse || !strings.Contains(got.err, "PPROF_ANYWHERE=yes") {
			t.Errorf("serve --pprof %s: exit %d, %q, want it refused", address, got.code, got.err)
		}
	}
	if got := s.run("serve", "--pprof", "6060"); got.code != misuse || !strings.Contains(got.err, "did you mean :6060?") {
		t.Errorf("serve --pprof 6060: exit %d, %q", got.code, got.err)
	}
}

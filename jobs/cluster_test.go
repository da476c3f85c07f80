package jobs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"regulars/internal/patiently"
	"regulars/internal/store/storetest"
	"regulars/jobs"
)

// works checks that work goes through a Redis: an event, a job and a run.
func works(t *testing.T, redis string) {
	t.Helper()
	s := open(t, storetest.SQLite(t))
	s.hinting(redis)
	s.work(redis)
	s.join(3)
	s.allSent(3)
	s.ended(s.enqueue(jobs.Order{Kind: "drop", Values: values{"campaign": "drop"}}), "done")
	s.allSent(6)
	r := asking(t, redis)
	patiently.Until(t, "tasks of all queues to be done through "+redis, func() bool {
		return processed(t, r, jobs.Urgent) > 0 && processed(t, r, jobs.Bulk) > 0 && processed(t, r, jobs.Chores) > 0 && processed(t, r, jobs.Nightly) > 0
	})
}

func TestARedisCluster(t *testing.T) {
	t.Parallel()
	var nodes []*server
	var addrs []string
	for i := range 3 {
		// The bus has a port of its own, by default 10,000 higher, which may not be there.
		nodes = append(nodes, newServer(t, "--cluster-enabled", "yes", "--cluster-port", aPort,
			"--cluster-config-file", fmt.Sprintf("nodes-%d.conf", i), "--cluster-node-timeout", "60000")) // a machine that stalls takes none for dead
		addrs = append(addrs, nodes[i].addr())
	}
	out, err := exec.Command("redis-cli", append(append([]string{"--cluster", "create"}, addrs...), "--cluster-yes")...).CombinedOutput()
	if err != nil {
		t.Skipf("no cluster can be made here: %v\n%s", err, out)
	}
	for _, n := range nodes {
		patiently.Until(t, "the cluster", func() bool { return strings.Contains(n.cli("cluster", "info"), "cluster_state:ok") })
	}
	works(t, "redis-cluster://"+strings.Join(addrs, ","))
}

func TestARedisBehindSentinels(t *testing.T) {
	t.Parallel()
	master := newServer(t)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	conf := fmt.Sprintf("sentinel monitor shop 127.0.0.1 %d 1\nsentinel down-after-milliseconds shop 60000\n", master.port)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := &server{t: t, port: patiently.Port(t)}
	sentinel.args = []string{file, "--port", fmt.Sprint(sentinel.port), "--bind", "127.0.0.1", "--sentinel"}
	sentinel.start()
	t.Cleanup(sentinel.kill)
	works(t, "redis-sentinel://"+sentinel.addr()+"/shop")
}

package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"regulars/internal/importer"
	"regulars/internal/loyalty"
	"regulars/internal/store"
)

// file imports a file of orders after the peer has copied as many rows, and tells how
// the time of its last tenth compares with that of its second: the first has statements
// to prepare and tables to fill from nothing.
func (m *ingesting) file(ctx context.Context) error {
	path := filepath.Join(m.Dir, "orders.csv")
	if err := m.writeOrders(path); err != nil {
		return err
	}
	defer os.Remove(path)
	began := time.Now()
	err := m.db.Update(ctx, func(tx *store.Tx) error {
		i, row := 0, make([]any, 5)
		_, err := tx.Stream("bench_peer", []string{"id", "member", "at", "total", "product"}, func() ([]any, error) {
			if i++; i > m.Orders {
				return nil, nil
			}
			row[0], row[1], row[2], row[3], row[4] = "copy-"+strconv.Itoa(i), "M-1", began.UnixMicro(), int64(990), "P-1"
			return row, nil
		})
		return err
	})
	if err != nil {
		return err
	}
	peer := float64(m.Orders) / time.Since(began).Seconds()

	tenths := make([]time.Duration, 11) // the processor's time until each
	var failed error
	used := func() time.Duration {
		server, err := m.cpuServer(ctx)
		failed = errors.Join(failed, err)
		return cpuOurs() + server
	}
	tick, last := m.watch(filed, 2000), int64(0)
	f := importer.File{Kind: "orders", Path: path, Progress: func(read, total int64) {
		tick(read*2000/total - last)
		last = read * 2000 / total
		for i := range tenths { // the second half of the bytes is the pass that takes them in
			if tenths[i] == 0 && read >= total/2+total/20*int64(i) {
				tenths[i] = used()
			}
		}
	}}
	r, err := m.measured(ctx, Rate{Work: filed, N: m.Orders}, func() error {
		tally, err := importer.New(m.db).Import(ctx, f)
		if err == nil && tally.New != int64(m.Orders) {
			err = fmt.Errorf("%s", tally)
		}
		return err
	})
	if err != nil {
		return err
	}
	r.Peer, r.Memory = peer, peakMemory()
	if failed != nil {
		return failed
	}
	r.Growth = float64(tenths[10]-tenths[9]) / float64(max(1, tenths[2]-tenths[1]))
	r.Target, r.Met = fmt.Sprintf("growth <= %.1f", straight), r.Growth <= straight
	if goal := goals[r.Engine].orders; goal > 0 {
		r.Target = fmt.Sprintf(">= %.0f/s, %s", goal, r.Target)
		r.Met = r.Met && r.PerSecond >= goal
	}
	m.rates = append(m.rates, r)
	return nil
}

// writeOrders writes the file: its orders, of one line each, are in the sequence in
// which they were placed, as an export has them, and any member's may be next.
func (m *ingesting) writeOrders(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<16)
	w.WriteString("order,at,member,product,name,category,quantity,line_total\n")
	random := rand.New(rand.NewPCG(2, 2))
	members := max(m.Members, m.Orders/10)
	first := loyalty.DayOf(m.db.Now(), time.UTC) - 730
	for i := range m.Orders {
		day := first + loyalty.Day(i*730/m.Orders)
		fmt.Fprintf(w, "F-%09d,%s,M-%d,P-%d,Green tea,tea,1,%d.90\n", i, day, random.IntN(members), random.IntN(1000), 1+random.IntN(80))
	}
	return w.Flush()
}

package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"regulars/internal/apply"
	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
	"regulars/internal/engine"
	"regulars/internal/intake"
	"regulars/internal/store"
	"regulars/internal/versions"
	"regulars/jobs"
)

// A marketer enqueues a job, a worker does it, and the list says how it ended.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	rooms, leave, err := exampleRooms(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer leave()
	redis, err := embedded.StartRedis(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer redis.Close()
	wire, err := jobs.Connect("redis://" + redis.Addr())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer wire.Close()

	hints := jobs.NewHints(wire, slog.New(slog.DiscardHandler))
	defer hints.Close()
	worker := jobs.Worker{Rooms: rooms, Redis: wire, Hints: hints, Log: slog.New(slog.DiscardHandler)}
	rest := make(chan error)
	go func() { rest <- worker.Run(ctx) }()

	var id int64
	err = rooms.DB.Update(ctx, func(tx *store.Tx) (err error) {
		id, _, err = jobs.Enqueue(tx, jobs.Order{Kind: "generate", Values: map[string]string{"pool": "gift", "count": "500"}, By: "Anna"})
		tx.AfterCommit(func() { hints.Job(id, "generate") }) // without it the worker finds the job within a second
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for row := (jobs.Row{}); row.FinishedAt.IsZero(); time.Sleep(10 * time.Millisecond) {
		err := rooms.DB.View(ctx, func(tx *store.Tx) (err error) { row, err = jobs.Show(tx, id); return err })
		if err != nil {
			fmt.Println(err)
			return
		}
		if !row.FinishedAt.IsZero() {
			fmt.Printf("job %d, %s by %s: %s, %s\n", row.ID, row.Kind, row.EnqueuedBy, row.State, row.Outcome)
		}
	}
	cancel()
	fmt.Println("came to rest:", <-rest)
	// Output:
	// job 1, generate by Anna: done, 500 codes made
	// came to rest: <nil>
}

// What is wrong with an order names the field.
func ExampleEnqueue_wrong() {
	ctx := context.Background()
	rooms, leave, err := exampleRooms(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer leave()
	err = rooms.DB.Update(ctx, func(tx *store.Tx) error {
		_, _, err := jobs.Enqueue(tx, jobs.Order{Kind: "generate", Values: map[string]string{"pool": "gift", "count": "a lot"}})
		return err
	})
	var wrong *jobs.OrderError
	if errors.As(err, &wrong) {
		fmt.Printf("%s: %s\n", wrong.Field, wrong)
	}
	// Output:
	// count: count=a lot: a number from 1 to 10000000
}

func ExampleAbout() {
	for _, kind := range jobs.Kinds() {
		fmt.Printf("%s: %s\n", kind, jobs.About(kind))
	}
	// Output:
	// count: count a report for the console, which shows it then; takes report=… [at=…]
	// drop: start a coupon drop; takes campaign=… [limit=…] [key=…] [field=…]
	// generate: fill a pool with codes; takes pool=… count=…
	// import: take a file in from the import folder; takes what=… file=… [upload=…] [format=…] [map=…] [leave=…] [zone=…] [source=…] [order-id=…] [order-key=…] [dates=…] [decimal=…] [encoding=…] [status=…] [consent=…] [consent-source=…] [consent-at=…] [refused=…] [news=…]
	// launch: start a campaign; takes campaign=… [limit=…] [key=…] [field=…]
	// refresh: bring a segment up to date; takes [segment=…] [facts=…] [counts=…]
	// rehearse: play a change of the program over some days, for the console, which shows what would go out; takes change=… from=… to=… [everyone=…] [against=…]
	// test: send a test mail; takes campaign=… [mail=…] to=… as=…
}

// exampleRooms wires the rooms of a worker over a fresh database and a sink, as
// main does over real ones.
func exampleRooms(ctx context.Context) (rooms jobs.Rooms, leave func(), err error) {
	dir, err := os.MkdirTemp("", "regulars-example-")
	if err != nil {
		return rooms, nil, err
	}
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(dir, "regulars.db"), store.Options{Create: true})
	if err != nil {
		return rooms, nil, err
	}
	if err := db.Migrate(ctx); err != nil {
		return rooms, nil, err
	}
	sink, err := embedded.NewSink(embedded.SinkOptions{})
	if err != nil {
		return rooms, nil, err
	}
	o, err := smtp.ParseURL("smtp://" + sink.Addr() + "?tls=off")
	if err != nil {
		return rooms, nil, err
	}
	relay := smtp.New(o)
	err = db.Update(ctx, func(tx *store.Tx) error { _, err := apply.Apply(tx, files(), "Anna", "the first"); return err })
	sender := delivery.New(delivery.Config{
		DB: db, Programs: versions.Programs{DB: db}, Transports: map[string]delivery.Transport{delivery.Urgent: relay, delivery.Bulk: relay},
		Links: consent.NewLinks("https://shop.example", [][]byte{[]byte("0123456789abcdef0123456789abcdef")}), Secret: []byte("secret"),
	})
	rooms = jobs.Rooms{DB: db, Sender: sender, Intake: intake.New(db), Engine: engine.New(db, sender), ImportDir: dir}
	return rooms, func() {
		relay.Close(context.Background())
		sink.Close()
		db.Close()
		os.RemoveAll(dir)
	}, err
}

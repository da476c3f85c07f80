package delivery_test

import (
	"flag"
	"testing"

	"regulars/internal/patiently"
)

// TestMain looks for goroutines that nobody waited for. The model plays fewer
// games than rapid would by itself: each of them is hundreds of transactions.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	flag.Parse() // what the caller asks for stands
	patiently.Main(m)
}

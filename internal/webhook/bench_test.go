package webhook

import (
	"bytes"
	"testing"
)

// BenchmarkDecode reads a body of a hundred orders.
func BenchmarkDecode(b *testing.B) {
	one := `{"type":"order.placed","id":"e-1","at":"2027-03-01T10:00:00.123456Z","member":{"id":"M-1","email":"m1@example.test","language":"en"},` +
		`"order":{"id":"O-1","status":"paid","total":"41.90","lines":[{"product":"P-7","name":"Green tea","category":"tea","quantity":1,"total":"41.90"}]}}`
	body := []byte("[" + string(bytes.Repeat([]byte(one+","), 99)) + one + "]")
	b.ReportAllocs()
	for b.Loop() {
		if events, _, err := Decode(body, Options{Source: "shop", Currency: "EUR"}); err != nil || len(events) != 100 {
			b.Fatal(len(events), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/order")
}

package webhook

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"testing"
)

// What is read without encoding/json is what it reads.
func FuzzReadJSON(f *testing.F) {
	for _, body := range []string{
		`{"type":"order.placed","order":{"total":"59.90","lines":[{"quantity":2,"total":-0.5e+3}]}}`, `[]`, ` [ 1 , {} , [ ] ] `, `{"a":1,"a":{"b":null}}`,
		`"\u00e9\ud83d\ude00\n"`, `"é😀"`, "\"\xff\"", "\"a\tb\"", `"\ud800"`, `"\x"`, `"open`, `{"a":1,}`, `[1,]`, `[1 2]`, `{"a" 1}`, `{a:1}`, `01`, `-`, `-0`, `1.`, `.5`, `1e`, `1E-2`, `0x1`,
		`tru`, `true`, `nul`, `null`, `falsefalse`, `1 2`, `{}x`, ``, ` `, "\x00", `{"":{"":[[[[]]]]}}`, `+1`, `[NaN]`, "\u00a0[]", "\ufeff[]",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		var want any
		failed := d.Decode(&want)
		if failed == nil {
			if _, err := d.Token(); err != io.EOF {
				failed = err
				if failed == nil {
					failed = io.ErrUnexpectedEOF // it goes on
				}
			}
		}
		got, err := readJSON(body)
		if (err != nil) != (failed != nil) || err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("readJSON(%q) = %#v, %v, want %#v, %v", body, got, err, want, failed)
		}
	})
}

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

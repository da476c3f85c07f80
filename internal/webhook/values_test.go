package webhook

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
)

// oddBodies are JSON, or nearly.
var oddBodies = []string{
	`{}`, `[]`, ` [ ] `, `{"a":1}`, `[{"a":"b","c":[1,2.5,-3e+7,null,true,false]},{"d":{"e":{}}}]`, "\t{\r\n\"a\" : [ 1 , 2 ] } ",
	`{"a":1,"a":{"b":2},"c":3,"a":"last"}`, `{"a":"ä €","b":"\u00e4\n\"\\\/","c":"\ud83d\ude00 \ud83d"}`, "{\"\xff\":\"a\xffb\"}", `{"\u0061":1,"a":2}`,
	``, ` `, `nul`, `nulls`, `truefalse`, `"`, `"\`, `"\"`, `"\u12"`, "\"a\nb\"", "\"\x7f\"", `01`, `-`, `-0`, `0.`, `.5`, `1e`, `1e+`, `1E-09`, `+1`, `0x1`, `1 2`,
	`{`, `{]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1 "b":2}`, `{,}`, `{a:1}`, `[1,]`, `[,1]`, `[1 2]`, `]`, `{}{}`, `[]x`, `{"a":1}}`, "\ufeff{}", "\x00", "[1]\x00",
	strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999), strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
	strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001), strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000),
}

// manyFields is an object of so many fields, in which the names of some come twice.
func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		b.WriteString(`"f` + strings.Repeat("x", i%(n-n/4)) + `":` + strings.Repeat("1", i%9+1))
	}
	return b.String() + "}"
}

// asOthersRead is a body as encoding/json has it; false: it has it not.
func asOthersRead(body []byte) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, false
	}
	_, err := d.Token()
	return v, err == io.EOF
}

func readsAlike(t *testing.T, body []byte) {
	t.Helper()
	want, wantOK := asOthersRead(body)
	v, ok := parse(body)
	if ok != wantOK || ok && !reflect.DeepEqual(v.plain(), want) {
		t.Errorf("parse(%.200q) = %.200v, %v, want %.200v, %v", body, v.plain(), ok, want, wantOK)
	}
}

func TestBodiesAreReadAsEncodingJSONReadsThem(t *testing.T) {
	t.Parallel()
	for _, body := range append(oddBodies, manyFields(15), manyFields(16), manyFields(17), manyFields(40), manyFields(300)) {
		readsAlike(t, []byte(body))
	}
}

func FuzzParse(f *testing.F) {
	for _, body := range oddBodies {
		if len(body) < 200 {
			f.Add([]byte(body))
		}
	}
	f.Add([]byte(manyFields(20)))
	f.Fuzz(readsAlike)
}

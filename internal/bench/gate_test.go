package bench

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestAGateDelays: what passes a gate arrives whole and in order, no sooner than its time
// on the way, and so does the end of it.
func TestAGateDelays(t *testing.T) {
	t.Parallel()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	const delay = 20 * time.Millisecond
	g, err := newGate(server.Addr().String(), delay)
	if err != nil {
		t.Fatal(err)
	}
	defer g.end()
	client, err := net.Dial("tcp", g.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	began, text := time.Now(), strings.Repeat("A mail is some bytes. ", 5000)
	if _, err := io.WriteString(client, text); err != nil {
		t.Fatal(err)
	}
	c, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Errorf("%v: not all that was written came through", err)
	}
	io.WriteString(c, "250 ok")
	c.Close()
	answer, err := io.ReadAll(client)
	if string(answer) != "250 ok" || err != nil {
		t.Errorf("the answer is %q, %v", answer, err)
	}
	if took := time.Since(began); took < 2*delay {
		t.Errorf("there and back took %v, want %v and more", took, 2*delay)
	}
}

package smtp_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
)

// A mail whose final dot was answered 250 is sent, though the connection ends with that
// answer: RFC 5321, section 6.1, has the relay answer for it from then on.
func TestWhatWasTakenIsSentThoughTheConnectionEndsThere(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go takeOne(c)
		}
	}()
	r := newRelay(t, options(t, l.Addr().String()))
	for _, to := range []string{"a@example.test", "b@example.test"} {
		if got, want := summary(r.Hand(t.Context(), message(to), nil)), "sent at done 250 2.0.0, begun"; got != want {
			t.Errorf("to %s: Hand = %s, want %s", to, got, want)
		}
	}
}

// takeOne is a relay that takes one mail and hangs up in the same breath.
func takeOne(c net.Conn) {
	defer c.Close()
	lines := bufio.NewScanner(c)
	say := func(words string) { c.Write([]byte(words + "\r\n")) }
	say("220 relay.example ESMTP")
	for lines.Scan() {
		switch word, _, _ := strings.Cut(strings.ToUpper(lines.Text()), " "); word {
		case "EHLO":
			say("250-relay.example\r\n250 PIPELINING")
		case "DATA":
			say("354 go on")
			for lines.Scan() && lines.Text() != "." {
			}
			say("250 2.0.0 taken")
			return
		default:
			say("250 2.0.0 ok")
		}
	}
}

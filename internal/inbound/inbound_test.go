package inbound_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"

	"regulars/internal/inbound"
)

func TestOnlyMailToOurAddressesIsTaken(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	d := &inbound.Door{Domain: "bounces.shop.example", Log: slog.New(slog.DiscardHandler),
		Accepts: func(to string) bool { return strings.HasPrefix(to, "bounces+") },
		Takes: func(_ context.Context, raw []byte, to []string) error {
			if strings.Contains(string(raw), "early") {
				return errors.New("early")
			}
			got = append(got, to[0]+": "+string(raw))
			return nil
		}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.Run(ctx, listener) }()
	for _, tt := range []struct{ name, to, mail, refused string }{
		{"a bounce", "bounces+1.x@bounces.shop.example", "Subject: no\r\n\r\nno\r\n", ""},
		{"to somebody else", "ana@shop.example", "Subject: no\r\n\r\n", "550"},
		{"too early", "bounces+1.x@bounces.shop.example", "Subject: early\r\n\r\n", "451"},
		{"too large", "bounces+1.x@bounces.shop.example", "Subject: no\r\n\r\n" + strings.Repeat(strings.Repeat("x", 900)+"\r\n", 5000), "552"},
	} {
		err := smtp.SendMail(listener.Addr().String(), nil, "", []string{tt.to}, []byte(tt.mail))
		if (err == nil) != (tt.refused == "") || err != nil && !strings.HasPrefix(err.Error(), tt.refused) {
			t.Errorf("%s is answered %v, want %q", tt.name, err, tt.refused)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(got) != 1 || !strings.HasPrefix(got[0], "bounces+1.x@bounces.shop.example: Subject: no") {
		t.Errorf("taken: %q", got)
	}
}

func TestAMailServerOfTheHouseHandsOverByLMTP(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	d := &inbound.Door{Domain: "bounces.shop.example", Local: true, Log: slog.New(slog.DiscardHandler),
		Accepts: func(to string) bool { return strings.HasPrefix(to, "bounces+") },
		Takes:   func(context.Context, []byte, []string) error { taken++; return nil }}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.Run(ctx, listener) }()
	conn, err := textproto.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, tt := range []struct {
		say  string
		want int
	}{
		{"", 220}, {"EHLO mail.shop.example", 500}, {"LHLO mail.shop.example", 250}, {"MAIL FROM:<>", 250},
		{"RCPT TO:<bounces+1.x@bounces.shop.example>", 250}, {"RCPT TO:<ana@shop.example>", 550}, {"DATA", 354}, {"Subject: no\r\n\r\nno\r\n.", 250},
	} {
		if tt.say != "" {
			if err := conn.PrintfLine("%s", tt.say); err != nil {
				t.Fatal(err)
			}
		}
		if code, text, err := conn.ReadResponse(tt.want); err != nil {
			t.Fatalf("%s is answered %d %s: %v", tt.say, code, text, err)
		}
	}
	cancel()
	if err := <-done; err != nil || taken != 1 {
		t.Errorf("%d mails were taken: %v", taken, err)
	}
}

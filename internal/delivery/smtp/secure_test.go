package smtp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"testing"

	"regulars/internal/delivery/smtp"
	"regulars/internal/embedded"
)

// contextThatEndsAt ends when the patient's sink comes to a stage, and the sink
// says nothing more.
func contextThatEndsAt(p *patient, stage embedded.Stage) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(p.t.Context())
	p.sink.Script(func(s embedded.Stage, _ string) embedded.Reply {
		if s == stage {
			cancel()
			return embedded.Reply{Hang: true}
		}
		return embedded.Reply{}
	})
	return ctx, cancel
}

// certificate returns a server's side and a client's side of TLS on 127.0.0.1.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, &tls.Config{RootCAs: pool}
}

func TestTLSAndAUTH(t *testing.T) {
	t.Parallel()
	server, client := certificate(t)
	secret := func(o embedded.SinkOptions) embedded.SinkOptions {
		o.User, o.Password = "ana", "secret123"
		return o
	}
	refuse := at(embedded.AtStartTLS, embedded.Reply{Code: 454, Text: "4.7.0 not now"})
	for _, tt := range []struct {
		name string
		sink embedded.SinkOptions
		url  string // after ://
		tls  *tls.Config
		want string
	}{
		{"STARTTLS is taken when offered", embedded.SinkOptions{TLS: server}, "smtp://ADDR", client, "sent at done 250 2.0.0, begun"},
		{"and done without when not", embedded.SinkOptions{}, "smtp://ADDR", client, "sent at done 250 2.0.0, begun"},
		{"tls=required does not go on without", embedded.SinkOptions{}, "smtp://ADDR?tls=required", client, "relay away at connect"},
		{"tls=required with it", embedded.SinkOptions{TLS: server}, "smtp://ADDR?tls=required", client, "sent at done 250 2.0.0, begun"},
		{"STARTTLS refused", embedded.SinkOptions{TLS: server, Script: refuse}, "smtp://ADDR", client, "relay away at connect 454 4.7.0"},
		{"a certificate that nobody signed", embedded.SinkOptions{TLS: server}, "smtp://ADDR", nil, "relay away at connect"},
		{"and verify=off", embedded.SinkOptions{TLS: server}, "smtp://ADDR?verify=off", nil, "sent at done 250 2.0.0, begun"},
		{"tls=off ignores the offer", embedded.SinkOptions{TLS: server}, "smtp://ADDR?tls=off", nil, "sent at done 250 2.0.0, begun"},
		{"smtps", embedded.SinkOptions{TLS: server, Implicit: true}, "smtps://ADDR", client, "sent at done 250 2.0.0, begun"},
		{"smtps to a certificate that nobody signed", embedded.SinkOptions{TLS: server, Implicit: true}, "smtps://ADDR", nil, "relay away at connect"},

		{"AUTH over STARTTLS", secret(embedded.SinkOptions{TLS: server}), "smtp://ana:secret123@ADDR", client, "sent at done 250 2.0.0, begun"},
		{"AUTH LOGIN", secret(embedded.SinkOptions{TLS: server, Auth: "LOGIN"}), "smtp://ana:secret123@ADDR", client, "sent at done 250 2.0.0, begun"},
		{"AUTH over smtps", secret(embedded.SinkOptions{TLS: server, Implicit: true}), "smtps://ana:secret123@ADDR", client, "sent at done 250 2.0.0, begun"},
		{"a wrong password", secret(embedded.SinkOptions{}), "smtp://ana:wrong@ADDR", nil, "relay away at auth 535 5.7.8"},
		{"a wrong password by LOGIN", secret(embedded.SinkOptions{Auth: "LOGIN"}), "smtp://ana:wrong@ADDR", nil, "relay away at auth 535 5.7.8"},
		{"no AUTH that we know", secret(embedded.SinkOptions{Auth: "GSSAPI"}), "smtp://ana:secret123@ADDR", nil, "relay away at auth"},
		{"a user for a relay without AUTH", embedded.SinkOptions{}, "smtp://ana:secret123@ADDR", nil, "relay away at auth"},
		{"no user for a relay with AUTH", secret(embedded.SinkOptions{}), "smtp://ADDR", nil, "relay away at mail 530 5.7.0"},
		{"a drop at AUTH", secret(embedded.SinkOptions{Script: at(embedded.AtAuth, embedded.Reply{Drop: true})}), "smtp://ana:secret123@ADDR", nil, "relay away at auth"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sink := newSink(t, tt.sink)
			o, err := smtp.ParseURL(addressed(tt.url, sink.Addr()))
			if err != nil {
				t.Fatal(err)
			}
			o.TLS = tt.tls
			got := newRelay(t, o).Hand(t.Context(), message("a@example.test"), nil)
			if summary(got) != tt.want {
				t.Errorf("Hand = %s (%v), want %s", summary(got), got.Err, tt.want)
			}
		})
	}
}

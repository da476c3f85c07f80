package smtp_test

import (
	"reflect"
	"strings"
	"testing"

	"regulars/internal/delivery/smtp"
)

// addressed puts a sink's address into an URL.
func addressed(url, addr string) string { return strings.Replace(url, "ADDR", addr, 1) }

func TestParseURL(t *testing.T) {
	t.Parallel()
	type O = smtp.Options
	for _, tt := range []struct {
		url  string
		want O
	}{
		{"smtp://mail.shop.example", O{Host: "mail.shop.example", Port: 25, Security: smtp.Offered}},
		{"smtp://mail.shop.example:2525/", O{Host: "mail.shop.example", Port: 2525, Security: smtp.Offered}},
		{"smtp://[::1]:1025", O{Host: "::1", Port: 1025, Security: smtp.Offered}},
		{"smtp://ana:p%40ss%2F@mail.shop.example", O{Host: "mail.shop.example", Port: 587, User: "ana", Password: "p@ss/", Security: smtp.Required}},
		{"smtp://ana:pw@127.0.0.1", O{Host: "127.0.0.1", Port: 587, User: "ana", Password: "pw", Security: smtp.Offered}},
		{"smtp://ana:pw@catcher:1025?tls=off", O{Host: "catcher", Port: 1025, User: "ana", Password: "pw", Security: smtp.Off}},
		{"smtps://ana@mail.shop.example", O{Host: "mail.shop.example", Port: 465, User: "ana", Security: smtp.Implicit}},
		{"smtp://h?tls=required&helo=web.shop.example&connections=12&verify=off", O{Host: "h", Port: 25, Security: smtp.Required, Hello: "web.shop.example", Connections: 12, AnyCertificate: true}},
	} {
		if got, err := smtp.ParseURL(tt.url); !reflect.DeepEqual(got, tt.want) || err != nil {
			t.Errorf("ParseURL(%q) = %+v, %v, want %+v", tt.url, got, err, tt.want)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                                 "is not like smtp://",
		"mail.shop.example:587":            "is not like smtp://",
		"smtp:mail.shop.example":           "is not like smtp://",
		"smtp://ana:secret/x@h":            "is not like smtp://",
		"smtp://ana:secret%zz@h":           "is not like smtp://",
		"smtp://h:1x":                      "is not like smtp://",
		"smtp://ana:secret@h/path":         "ends after the host",
		"smtp://ana:secret@h#x":            "ends after the host",
		"http://ana:secret@h":              "begins with smtp:// or smtps://, not http://",
		"smtp://h:70000":                   "port 70000 is not between",
		"smtp://h?tls=yes":                 "tls is required, offered or off",
		"smtps://h?tls=off":                "tls is required, offered or off",
		"smtp://h?verify=on":               "verify can only be off",
		"smtp://h?helo=a+b":                "helo is not a host name",
		"smtp://h?connections=0":           "connections is a number",
		"smtp://ana:secret@h?conections=8": "nothing else",
	} {
		_, err := smtp.ParseURL(url)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseURL(%q): %v, want … %s …", url, err, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"smtp://ana:pw@h:587?tls=off", "smtps://h", "smtp://[::1]:25", "smtp://h?helo=%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := smtp.ParseURL(s)
		if err == nil && (o.Host == "" || o.Port < 1 || o.Port > 65535 || strings.ContainsAny(o.Hello, "\r\n ")) {
			t.Errorf("ParseURL(%q) = %+v", s, o)
		}
	})
}

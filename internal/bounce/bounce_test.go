package bounce_test

import (
	"strings"
	"testing"

	"regulars/internal/bounce"
)

// report is a bounce as a server writes it, with these lines about the recipient.
func report(about string) []byte {
	return []byte(strings.ReplaceAll(`From: MAILER-DAEMON@mx.example
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry. 550 5.1.1 is said of somebody else here.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

`+about+`
--b
Content-Type: text/rfc822-headers

Return-Path: <bounces+7.abc@mail.shop.example>
Message-ID: <send.7.abc@shop.example>
Subject: Hello
--b--
`, "\n", "\r\n"))
}

func TestAReportIsReadAsItStands(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, about          string
		address, action, why string
	}{
		{"an address that does not exist", "Final-Recipient: rfc822; ana@shop.example\nAction: failed\nStatus: 5.1.1", "ana@shop.example", "failed", "5.1.1"},
		{"a general status, and the server's own in its words", "Final-Recipient: rfc822;ana@shop.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.7.1 no", "ana@shop.example", "failed", "5.7.1"},
		{"words of another class say nothing", "Final-Recipient: rfc822;ana@shop.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 450 4.1.1 later", "ana@shop.example", "failed", "5.0.0"},
		{"an address of the network is no status", "Final-Recipient: rfc822;ana@shop.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1.9 is blocked", "ana@shop.example", "failed", "5.0.0"},
		{"success", "Final-Recipient: rfc822; ana@shop.example\nAction: delivered\nStatus: 2.0.0", "ana@shop.example", "delivered", "2.0.0"},
		{"a mail that waits", "Original-Recipient: rfc822; ana@shop.example\nAction: delayed (will retry)\nStatus: 4.4.7 (later)", "ana@shop.example", "delayed", "4.4.7"},
	}
	for _, tt := range tests {
		got := bounce.Read(report(tt.about))
		if got.Kind != bounce.Delivery || len(got.Recipients) != 1 || len(got.MessageIDs) != 1 || got.MessageIDs[0] != "send.7.abc@shop.example" ||
			len(got.Senders) != 1 || got.Senders[0] != "bounces+7.abc@mail.shop.example" {
			t.Errorf("%s: Read = %+v, want a report on one recipient, with the mail's id and sender", tt.name, got)
			continue
		}
		if r := got.Recipients[0]; r.Address != tt.address || r.Action != tt.action || r.Cause() != tt.why {
			t.Errorf("%s: Read = %+v (cause %s), want %s %s %s", tt.name, r, r.Cause(), tt.address, tt.action, tt.why)
		}
	}
}

func TestWhatNoMachineWroteIsLeftAlone(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, mail string
		want       bounce.Kind
	}{
		{"a vacation", "From: ana@shop.example\nAuto-Submitted: auto-replied (vacation)\n\n550 5.1.1 User unknown", bounce.AutoReply},
		{"a server's words without a part for machines", "From: mailer-daemon@mx.example\nAuto-Submitted: auto-replied\n\n<ana@shop.example>: 550 5.1.1 User unknown", bounce.Other},
		{"a person who asks what 5.1.1 means", "From: ana@shop.example\n\nFinal-Recipient: rfc822;x@y.example\nAction: failed\nStatus: 5.1.1", bounce.Other},
		{"nothing", "", bounce.Other},
		{"a report that a mail is no spam", "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: not-spam\n--b--\n", bounce.Notice},
		{"a complaint", "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Mail-From: <x@y.example>\n--b--\n", bounce.Complaint},
	}
	for _, tt := range tests {
		if got := bounce.Read([]byte(tt.mail)); got.Kind != tt.want {
			t.Errorf("%s: Read = %+v, want %s", tt.name, got, tt.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(report("Final-Recipient: rfc822; ana@shop.example\nAction: failed\nStatus: 5.1.1"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n--b--"))
	f.Add([]byte("From x\nA:b\n c\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := bounce.Read(raw)
		if (got.Kind == bounce.Delivery) != (len(got.Recipients) > 0) {
			t.Errorf("Read = %+v: a report of delivery names recipients", got)
		}
		for _, r := range got.Recipients {
			_ = r.Cause()
		}
	})
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"regulars/internal/address"
	"regulars/internal/inbound"
	"regulars/internal/mailnews"
)

// mailSetting is the mail provider whose secrets a setting holds.
func mailSetting(name string) (mailnews.Provider, bool) {
	for _, p := range mailnews.Providers {
		if p.Setting() == name {
			return p, true
		}
	}
	return mailnews.Provider{}, false
}

// mailHook says what to enter at a mail provider.
func (a *app) mailHook(name string) error {
	p, ok := mailnews.Named(name)
	if !ok {
		var names []string
		for _, p := range mailnews.Providers {
			names = append(names, "mail/"+p.Name)
		}
		return usage("there is no mail provider %q; there are %s", name, strings.Join(names, ", "))
	}
	where := a.baseURL() + "/hooks/mail/" + p.Name
	if a.json {
		return a.printJSON(map[string]any{"url": where, "setting": p.Setting(), "setup": p.Setup})
	}
	fmt.Fprintf(a.out, "%s\n%s\n", where, p.Setup)
	if len(a.config.hookSecrets["mail/"+p.Name]) == 0 {
		fmt.Fprintf(a.err, "note: %s is not set here; without it serve refuses every delivery\n", p.Setting())
	}
	return nil
}

// bounceDomain says what is wrong with the domain of envelope senders.
func bounceDomain(v string) error {
	if _, _, err := address.Read("bounces+1@" + v); err != nil {
		return errors.New("is no domain: it should be one whose mail comes to INBOUND_LISTEN or is posted to /hooks/mail/message, like bounces.shop.example")
	}
	return nil
}

// fetcher gets what an address of Amazon holds, which the caller has checked, and keeps
// certificates: they never change. It follows nobody elsewhere.
func fetcher() func(address string) ([]byte, error) {
	client := http.Client{Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var mu sync.Mutex
	kept := map[string][]byte{}
	return func(address string) ([]byte, error) {
		mu.Lock()
		body, ok := kept[address]
		mu.Unlock()
		if ok {
			return body, nil
		}
		answer, err := client.Get(address)
		if err != nil {
			return nil, errors.New("no answer from Amazon")
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("an answer %d from Amazon", answer.StatusCode)
		}
		if body, err = io.ReadAll(io.LimitReader(answer.Body, 64<<10)); err != nil {
			return nil, err
		}
		if strings.HasSuffix(address, ".pem") {
			mu.Lock()
			defer mu.Unlock()
			if len(kept) >= 20 {
				clear(kept)
			}
			kept[address] = body
		}
		return body, nil
	}
}

// inbound takes the mails that come to the addresses which our mails carry.
func (a *app) inbound(w *wiring) *inbound.Door {
	return &inbound.Door{
		Domain: cmp.Or(a.config.BounceDomain, "localhost"), Accepts: w.sender.Ours, Local: a.config.inboundLocal, Log: w.log,
		Takes: func(ctx context.Context, raw []byte, to []string) error {
			heard, err := w.sender.Learn(ctx, mailnews.FromMail(raw, to, w.db.Now()))
			for _, h := range heard {
				err = errors.Join(err, h.Err)
			}
			return err
		},
	}
}

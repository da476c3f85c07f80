package public

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"regulars/internal/consent"
	"regulars/internal/delivery"
	"regulars/internal/happenings"
	"regulars/internal/store"
	"regulars/segments"
)

// click notes a click and leads on. A link that is ours leads where it says even
// if the click cannot be noted: the reader did nothing wrong.
func (s *server) click(w http.ResponseWriter, r *http.Request) error {
	to := r.URL.Query().Get("to")
	claims, err := s.Links.ParseClick(r.PathValue("token"), to)
	if errors.Is(err, consent.ErrToken) {
		return badLink
	}
	if err != nil {
		return err
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return badLink // never signed by us; a second lock on the door
	}
	s.touched(r, delivery.Touch{Member: claims.Member, Send: claims.Send, Kind: delivery.Click, Link: to, Machine: machine(r)})
	http.Redirect(w, r, to, http.StatusFound)
	return nil
}

// opened notes that a mail was opened and answers with a picture of one pixel.
func (s *server) opened(w http.ResponseWriter, r *http.Request) error {
	token, ok := strings.CutSuffix(r.PathValue("token"), ".gif")
	if !ok {
		return badLink
	}
	claims, err := s.Links.Parse(consent.KindOpen, token)
	if errors.Is(err, consent.ErrToken) {
		return badLink
	}
	if err != nil {
		return err
	}
	s.touched(r, delivery.Touch{Member: claims.Member, Send: claims.Send, Kind: delivery.Opened, Machine: machine(r)})
	w.Header().Set("Content-Type", "image/gif")
	_, _ = w.Write(pixel) // the caller has gone away: nobody to tell
	return nil
}

// touchPatience is how long a reader's click waits at most to be noted.
var touchPatience = 2 * time.Second

// touched keeps a touch, and has the segments see a person's. It takes no lock of
// the member, who may be busy elsewhere: what is kept only grows.
func (s *server) touched(r *http.Request, t delivery.Touch) {
	ctx, cancel := context.WithTimeout(r.Context(), touchPatience)
	defer cancel()
	release, err := s.turns.take(ctx, []string{"touch " + strconv.FormatInt(t.Member, 10)})
	if err == nil {
		err = s.touch(ctx, t)
		release(err)
	}
	if err != nil {
		s.Log.ErrorContext(r.Context(), "a touch is lost", "kind", t.Kind, "send", t.Send, "err", err)
	}
}

func (s *server) touch(ctx context.Context, t delivery.Touch) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		member, err := delivery.Touched(tx, t)
		if err != nil || member == 0 {
			return err
		}
		return happenings.Changed(tx, []int64{member}, segments.Change{Mails: true})
	})
}

// robots name themselves. Apple's Mail fetches pictures for everybody through a
// proxy that calls itself Mozilla/5.0 and no more; Google's and Yahoo's fetch them
// when a person looks, and say so.
var robots = regexp.MustCompile(`(?i)bot\b|bot/|crawl|spider|preview|scan|proofpoint|mimecast|barracuda|safelinks|headless|curl/|wget/|python|java/|go-http-client|okhttp|libwww|phantom`)

// machine reports whether a request is a machine's by its looks: people's
// browsers say GET and who they are.
func machine(r *http.Request) bool {
	agent := strings.TrimSpace(r.UserAgent())
	return r.Method != http.MethodGet || agent == "" || agent == "Mozilla/5.0" || robots.MatchString(agent) ||
		strings.Contains(r.Header.Get("Sec-Purpose")+r.Header.Get("Purpose")+r.Header.Get("X-Moz"), "prefetch")
}

// pixel is the smallest transparent GIF (GIF89a).
var pixel, _ = base64.StdEncoding.DecodeString("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

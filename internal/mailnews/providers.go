package mailnews

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"regulars/internal/webhook"
)

// MaxBody is how large a delivery may be, in bytes.
const MaxBody = 5 << 20

// maxEvents is how many events one delivery may have.
const maxEvents = 2000

// tolerance is how far the sender's clock and the delivery's way may take us apart.
const tolerance = 5 * time.Minute

// Provider is a mail provider whose events are taken.
type Provider struct {
	Name string // lower case: /hooks/mail/NAME, HOOK_SECRET_NAME

	// Secret says what is wrong with one secret, and never shows it.
	Secret func(secret string) error

	// Verify says whether the provider signed the delivery, about now where it says when.
	Verify func(d Delivery, secrets []string) error

	// Decode reads the events of a delivery. The error says that the body as a whole is
	// not the provider's.
	Decode func(d Delivery) ([]News, error)

	// Confirm returns the address to ask for what the provider wants confirmed, "" mostly;
	// nil: it never does.
	Confirm func(d Delivery) string

	// Setup says what to enter where, and what the setting holds.
	Setup string
}

// Delivery is what a provider posted.
type Delivery struct {
	webhook.Delivery

	// Fetch gets what an address holds that was checked: a certificate. nil: nothing can
	// be fetched.
	Fetch func(address string) ([]byte, error)
}

// Providers are those whose events are taken, and at the end mails as they came.
var Providers = []Provider{ses, sendgrid, postmark, mailgun, resend, message}

// Named returns the provider of a name.
func Named(name string) (Provider, bool) {
	i := slices.IndexFunc(Providers, func(p Provider) bool { return p.Name == name })
	if i < 0 {
		return Provider{}, false
	}
	return Providers[i], true
}

// Setting is the name of the setting that holds the secrets, with commas between them.
func (p Provider) Setting() string { return "HOOK_SECRET_" + strings.ToUpper(p.Name) }

// CheckSecrets says what is wrong with one of the secrets.
func (p Provider) CheckSecrets(secrets string) error {
	return webhook.Source{Secret: p.Secret}.CheckSecrets(secrets)
}

// fresh says that a delivery was signed about now.
func fresh(signed, now time.Time) error {
	if away := now.Sub(signed); away > tolerance || away < -tolerance {
		return webhook.ErrStale
	}
	return nil
}

// read reads a body that is JSON.
func read(body []byte, into any) error {
	if len(body) > MaxBody {
		return fmt.Errorf("the body is larger than %d MB", MaxBody>>20)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return errors.New("the body is not what the provider posts")
	}
	return nil
}

// keyed makes an id for an event to which its provider gives none.
func keyed(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func seconds(n float64) time.Time {
	if n < 0 || n > 1e11 {
		return time.Time{}
	}
	return time.UnixMicro(int64(n * 1e6)).UTC()
}

func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// bare is a Message-ID without < and >.
func bare(id string) string { return strings.Trim(strings.TrimSpace(id), "<>") }

// marks are those that are there.
func marks(all ...string) (some []string) {
	for _, m := range all {
		if m = bare(m); m != "" {
			some = append(some, m)
		}
	}
	return some
}

func atLeast(n int) func(string) error {
	return func(secret string) error {
		if len(secret) < n {
			return fmt.Errorf("is too short: it should have at least %d characters", n)
		}
		return nil
	}
}

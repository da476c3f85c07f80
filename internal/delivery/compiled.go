package delivery

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"regulars/internal/delivery/compose"
	"regulars/internal/store"
	"regulars/templates"
)

// compiledMails are the mails that are ready to be filled in: a mail of a version in
// one language, made ready when the first letter of it is written. They go by the
// plan, which is of one version, so that a new version never meets an old one's.
type compiledMails struct {
	known  *store.Recent[compiledKey, *compiledMail]
	rooms  templates.FilledPool
	filled atomic.Int64
	full   atomic.Int64
}

type compiledKey struct {
	plan *plan
	text *templates.Mail
}

// keptCompiled is how many mails are kept ready, of some 50 kB each.
const keptCompiled = 100

// proveEvery: of so many letters one is made by all the steps, too.
const proveEvery = 1000

func newCompiledMails() *compiledMails {
	return &compiledMails{known: store.NewRecent[compiledKey, *compiledMail](keptCompiled)}
}

// compiledMail is one of them.
type compiledMail struct {
	text   *templates.Compiled              // nil: it cannot be compiled
	letter atomic.Pointer[compose.Compiled] // as the last one was addressed
	proved atomic.Bool                      // a letter has come out as by all the steps
	wrong  atomic.Bool                      // one has not
	count  atomic.Int64
}

// of returns the compiled mail of a send.
func (c *compiledMails) of(s *send, text *templates.Mail, pictures string, log *slog.Logger) *compiledMail {
	key := compiledKey{s.plan, text}
	if m, ok := c.known.Get(key); ok {
		return m
	}
	m := &compiledMail{}
	var err error
	if m.text, err = text.Compile(s.plan.brand(pictures)); err != nil {
		log.Info("a mail is not compiled: its letters take longer to make", "campaign", s.campaign, "mail", s.mail(), "why", err)
	}
	c.known.Put(key, m)
	return m
}

// sheets is the room in which letters were written that have gone out.
type sheets struct{ pool sync.Pool }

// mostSheet is the largest that is kept.
const mostSheet = 64 << 10

func (p *sheets) get() []byte {
	if kept, ok := p.pool.Get().(*[]byte); ok {
		return (*kept)[:0]
	}
	return nil
}

// put takes back the room of a message that nobody reads any more.
func (p *sheets) put(body []byte) {
	if cap(body) > 0 && cap(body) <= mostSheet {
		p.pool.Put(&body)
	}
}

package jobs

import (
	"regexp"
	"strings"
	"sync"
	"time"
)

// crew knows who is at which post of this worker, whether Redis woke them or the
// watch did. It lets no more hands to a post than have room there. The zero value
// is ready.
type crew struct {
	mu     sync.Mutex
	over   bool        // nobody begins any more
	barred func() bool // true: nobody begins just now; nil: never
	posts  map[string]*place
	busy   sync.WaitGroup
}

// place is how things stand at a post.
type place struct {
	hands  int
	again  bool      // somebody was called while all hands were busy
	failed int       // times in a row
	words  string    // why, the last time
	rests  time.Time // until when nobody begins
	left   time.Time // when somebody last found nothing more to do
}

// at returns how things stand at a post. The caller holds the lock.
func (c *crew) at(post string) *place {
	if c.posts == nil {
		c.posts = map[string]*place{}
	}
	if c.posts[post] == nil {
		c.posts[post] = &place{}
	}
	return c.posts[post]
}

// begin takes a hand to a post. If there are enough already, one of them looks
// once more before it leaves. The hand must leave by leave or quit.
func (c *crew) begin(post string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.at(post)
	if c.over || c.barred != nil && c.barred() || time.Now().Before(p.rests) {
		return false
	}
	if p.hands >= hands(post) {
		p.again = true
		return false
	}
	p.hands++
	c.busy.Add(1)
	return true
}

// leave takes a hand off a post where it found nothing more to do, unless
// somebody was called meanwhile: then it answers false and the hand must look
// once more.
func (c *crew) leave(post string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.at(post)
	p.failed = 0
	if p.again {
		p.again = false
		return false
	}
	p.left = time.Now()
	c.off(p)
	return true
}

// quit takes a hand off a post that is to rest for a while.
func (c *crew) quit(post string, rest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rest(c.at(post), rest)
}

// How long a post rests after it failed.
const (
	firstRest   = time.Second
	longestRest = 10 * time.Second
)

// fail takes a hand off a post where something went wrong. The post rests, each
// time twice as long.
func (c *crew) fail(post string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.at(post)
	c.rest(p, min(firstRest<<min(p.failed, 8), longestRest))
	p.failed++
	p.words = withoutAddresses(err)
}

var anAddress = regexp.MustCompile(`[^\s"'(<]+@[^\s"')>]+`)

// withoutAddresses is the first line of an error, which may be shown to people: a
// database quotes what it could not read.
func withoutAddresses(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return anAddress.ReplaceAllString(line, "(address)")
}

// failing returns the posts that failed at least twice in a row, and why.
func (c *crew) failing() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]string{}
	for post, p := range c.posts {
		if p.failed >= 2 {
			all[post] = p.words
		}
	}
	return all
}

func (c *crew) rest(p *place, rest time.Duration) {
	p.again = false
	p.left = time.Now()
	p.rests = p.left.Add(rest)
	c.off(p)
}

func (c *crew) off(p *place) {
	p.hands--
	c.busy.Done()
}

// resting reports whether nobody may begin at a post just now.
func (c *crew) resting(post string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Before(c.at(post).rests)
}

// idle is for how long nobody has been at a post.
func (c *crew) idle(post string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.at(post)
	if p.hands > 0 {
		return 0
	}
	return time.Since(p.left)
}

// close lets nobody begin any more.
func (c *crew) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// wait returns when all hands have left. The crew must be closed.
func (c *crew) wait() { c.busy.Wait() }

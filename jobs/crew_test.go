package jobs

import (
	"errors"
	"testing"
	"time"

	"regulars/internal/engine"
)

func TestTheCrew(t *testing.T) {
	t.Parallel()
	var c crew
	want := func(about string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %t, want %t", about, got, want)
		}
	}
	const post = engine.PassRuns // has room for two
	want("idle before anything happened", c.idle(post) > time.Hour, true)
	want("the first hand begins", c.begin(post), true)
	want("so does the second", c.begin(post), true)
	want("a third finds no room", c.begin(post), false)
	want("a post with hands is not idle", c.idle(post) == 0, true)
	want("one of them looks once more", c.leave(post), false)
	want("and then leaves", c.leave(post), true)
	want("the other leaves at once", c.leave(post), true)
	want("idle since just now", c.idle(post) < time.Minute, true)

	want("a hand begins", c.begin(post), true)
	c.quit(post, time.Hour)
	want("a post rests as long as its relay", c.resting(post), true)
	want("nobody begins meanwhile", c.begin(post), false)
	want("other posts go on", c.begin(engine.PassClock), true)
	want("a resting post has not called anybody", c.leave(engine.PassClock), true)

	c.close()
	want("nobody begins after the end", c.begin(engine.PassClock), false)
	c.wait()
}

func TestAPostThatFailsRestsLongerEachTime(t *testing.T) {
	t.Parallel()
	var c crew
	rest := func() time.Duration { return time.Until(c.at("clock").rests).Round(time.Second) }
	for _, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		c.at("clock").rests = time.Time{}
		c.begin("clock")
		if c.fail("clock", errors.New("ana@shop.example: no")); rest() != want*time.Second {
			t.Errorf("rests for %s, want %d s", rest(), want)
		}
	}
	c.at("clock").rests = time.Time{}
	c.begin("clock")
	c.leave("clock")
	c.begin("clock")
	if c.fail("clock", errors.New("ana@shop.example: no")); rest() != time.Second {
		t.Errorf("after a success it rests for %s, want 1 s", rest())
	}
}

// The promise that no lane keeps another waiting: a server has a slot for every
// hand that may be at its posts.
func TestThereIsASlotForEveryHand(t *testing.T) {
	t.Parallel()
	all := 0
	for _, post := range posts {
		all += hands(post)
	}
	if urgent, others := slots(Urgent), slots(Bulk, Chores, Nightly); urgent+others != all || urgent == 0 {
		t.Errorf("slots: %d + %d, want %d in all", urgent, others, all)
	}
	for _, pass := range engine.Passes {
		if hands(pass) < 1 {
			t.Errorf("nobody does %s", pass)
		}
	}
}

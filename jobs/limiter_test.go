package jobs

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"regulars/internal/delivery"
	"regulars/internal/engine"
)

func TestTheLimiter(t *testing.T) {
	t.Parallel()
	var l limiter
	want := func(about string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %t, want %t", about, got, want)
		}
	}
	pair := runDeliver
	pair.atOnce = 2
	want("there is room for two", l.room(pair), true)
	want("the first begins", l.begin(pair), true)
	want("so does the second", l.begin(pair), true)
	want("there is no more room", l.room(pair), false)
	want("a third does not begin", l.begin(pair), false)
	want("one of them looks once more", l.more(pair), true)
	want("and then ends", l.more(pair), false)
	want("the other ends at once", l.more(pair), false)

	want("one begins", l.begin(pair), true)
	if rest := l.end(pair, &delivery.Rest{Wait: time.Hour}); rest != time.Hour {
		t.Errorf("end() with a relay that rests = %s, want as long as it does", rest)
	}
	want("nobody begins meanwhile", l.begin(pair), false)
	want("other kinds go on", l.begin(runFinish), true)
	want("nobody was wanted there", l.more(runFinish), false)

	first, _ := taskOf("job.import")
	second, _ := taskOf("job.launch")
	for range 3 {
		want("three jobs begin", l.begin(first), true)
	}
	want("jobs of all kinds count together", l.room(second), false)
	rehearsal, _ := taskOf("job.rehearse")
	want("a rehearsal takes no place of theirs", l.begin(rehearsal), true)
	want("and only one is played at once", l.room(rehearsal), false)
	l.end(rehearsal, nil)
	for range 3 {
		l.end(first, nil)
	}

	l.close()
	want("nobody begins after the end", l.begin(runFinish), false)
	l.wait()
}

func TestAKindThatFailsRestsLongerEachTime(t *testing.T) {
	t.Parallel()
	var l limiter
	no := errors.New("ana@shop.example: no")
	for _, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		l.of(runFinish).until = time.Time{}
		l.begin(runFinish)
		if rest := l.end(runFinish, no); rest != want*time.Second {
			t.Errorf("rests for %s, want %d s", rest, want)
		}
	}
	if got := l.failing()[runFinish.name]; got != "(address) no" {
		t.Errorf("failing: %q, want the reason without the address", got)
	}
	l.of(runFinish).until = time.Time{}
	l.begin(runFinish)
	l.more(runFinish)
	l.begin(runFinish)
	if rest := l.end(runFinish, no); rest != time.Second {
		t.Errorf("after a success it rests for %s, want 1 s", rest)
	}
}

// The promise that no kind keeps another waiting: a server has a slot for every
// handler that may run.
func TestThereIsASlotForEveryHandler(t *testing.T) {
	t.Parallel()
	all := jobsAtOnce[Urgent] + jobsAtOnce[Chores] + rehearseJob.atOnce
	for _, task := range tasks {
		if all += task.atOnce; task.atOnce < 1 || !slices.Contains(Queues, task.queue) {
			t.Errorf("nobody does %s in %q", task.name, task.queue)
		}
	}
	if n := slots(Queues...); n != all || slots(Urgent) == 0 || slots(Chores) != 3+1+hookPost.atOnce {
		t.Errorf("slots: %d, want %d", n, all)
	}
}

func TestEachKindOfWorkHasATask(t *testing.T) {
	t.Parallel()
	var names []string
	for _, task := range tasks {
		names = append(names, task.name)
	}
	slices.Sort(names)
	all := slices.Clone(engine.Kinds)
	for _, u := range upkeeps {
		all = append(all, u.name)
	}
	if want := slices.Sorted(slices.Values(all)); !slices.Equal(names, want) {
		t.Errorf("tasks of %v, want of %v", names, want)
	}
	for kind := range kinds {
		if task, ok := taskOf(jobPrefix + kind); !ok || task.atOnce < 1 || task.of != "job" {
			t.Errorf("taskOf(job.%s) = %+v, %t", kind, task, ok)
		}
	}
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	launch, _ := taskOf("job.launch")
	for _, tt := range []struct {
		task    task
		payload string
		id      int64
		ok      bool
	}{
		{runDeliver, `{"run":12}`, 12, true},
		{runDeliver, ``, 0, true},
		{runDeliver, `{"run":-1}`, 0, false},
		{runDeliver, `{"run":`, 0, false},
		{launch, `{"job":7}`, 7, true},
		{launch, ``, 0, false},
		{launch, `{"run":7}`, 0, false},
		{flowReact, ``, 0, true},
	} {
		id, ok := tt.task.id([]byte(tt.payload))
		if ok != tt.ok || ok && id != tt.id {
			t.Errorf("id(%s %s) = %d, %t, want %d, %t", tt.task.name, tt.payload, id, ok, tt.id, tt.ok)
		}
		if got := string(tt.task.payload(tt.id)); tt.ok && got != tt.payload {
			t.Errorf("payload(%s, %d) = %s, want %s", tt.task.name, tt.id, got, tt.payload)
		}
	}
}

// A kind whose work another replica has done since fails no longer: nothing of it is
// due here by which that could be seen.
func TestWhatHasNothingLeftToDoFailsNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiter
		k := task{share: "run.deliver", atOnce: 1}
		for range 3 {
			if !l.begin(k) {
				t.Fatal("no room")
			}
			l.end(k, errors.New("connection reset"))
			time.Sleep(longestRest)
		}
		if l.failing()["run.deliver"] == "" {
			t.Error("it failed three times, and is not said to fail")
		}
		if !l.begin(k) {
			t.Fatal("no room")
		}
		time.Sleep(time.Hour)
		if l.failing()["run.deliver"] == "" {
			t.Error("it is at work and has not succeeded, and is not said to fail")
		}
		l.end(k, nil)
		if got := l.failing(); len(got) > 0 {
			t.Errorf("nothing was tried for an hour, and it is said to fail: %v", got)
		}
	})
}

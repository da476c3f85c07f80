package bench

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// median of some times; of an even number the lower of the middle two.
func median(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[(len(sorted)-1)/2]
}

// peakMemory is the most memory that this process ever held, in bytes: what Linux
// calls VmHWM, elsewhere what Go has taken from the system.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
			text, ok := strings.CutPrefix(lines.Text(), "VmHWM:")
			if kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 10, 64); ok && err == nil {
				return kb << 10
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

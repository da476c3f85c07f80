package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// median of some figures; of an even number the lower of the middle two.
func median[T cmp.Ordered](figures []T) (m T) {
	if len(figures) > 0 {
		m = slices.Sorted(slices.Values(figures))[(len(figures)-1)/2]
	}
	return m
}

// peakMemory is the most memory that this process ever held, in bytes: what Linux
// calls VmHWM, elsewhere what Go has taken from the system.
func peakMemory() int64 {
	if held := peakMemoryOf("self"); held > 0 {
		return held
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

// peakMemoryOf is the same of any process of this machine, where Linux tells it;
// elsewhere 0.
func peakMemoryOf(pid string) int64 {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err == nil {
		for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
			text, ok := strings.CutPrefix(lines.Text(), "VmHWM:")
			if kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 10, 64); ok && err == nil {
				return kb << 10
			}
		}
	}
	return 0
}

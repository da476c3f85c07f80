package wirelog

// Boot and the rest are for the tests alone.
var (
	Boot = bootID
	Read = func(all []byte) (Left, error) {
		h, err := readHead(all)
		return read(h, all), err
	}
)

const (
	HeadSize = headSize
	SlotSize = slotSize
	Slots    = slots
	Ending   = ending
	Unborn   = unborn
)

package why

import (
	"fmt"

	"regulars/internal/loyalty"
)

// forgotten says from when on the ledger knows of everybody's mails.
func forgotten(whole loyalty.Day) string {
	return fmt.Sprintf("who had which mail is kept from %s on, and older ones are deleted (keep: in program.yaml)", whole)
}

package staff

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
)

// What a password costs to try, as OWASP has it: 19 MiB, twice, on one lane.
const (
	costMemory = 19 * 1024 // KiB
	costTime   = 2
	keyBytes   = 32
	saltBytes  = 16
)

// atOnce is how many passwords are tried at the same time: each takes its memory, and a
// core that mails need too.
const atOnce = 1

// Lengths of a password, in characters and in bytes.
const (
	ShortestPassword = 12
	longestPassword  = 500
)

// ErrPassword is what is wrong with a password that somebody chose.
var ErrPassword = errors.New("choose a password of at least 12 characters that is not your address: a few words that you can remember are best")

// checkPassword says whether a password may be chosen for an address.
func checkPassword(password, email string) error {
	name, _, _ := strings.Cut(email, "@")
	plain := strings.ToLower(strings.TrimSpace(password))
	if utf8.RuneCountInString(password) < ShortestPassword || len(password) > longestPassword || plain == email || plain == name {
		return ErrPassword
	}
	return nil
}

// hasher makes and compares the hashes of passwords, a few at once.
type hasher struct{ turns *semaphore.Weighted }

func newHasher() hasher { return hasher{semaphore.NewWeighted(atOnce)} }

// hash returns what is kept of a password: $argon2id$v=19$m=…,t=…,p=1$salt$key.
func (h hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails since Go 1.24
	key, err := h.key(ctx, password, salt, costTime, costMemory)
	if err != nil {
		return "", err
	}
	plain := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, costMemory, costTime, plain(salt), plain(key)), nil
}

// is reports whether a password is the one of which that is kept. Without anything kept
// it takes as long, and it is not.
func (h hasher) is(ctx context.Context, password, kept string) (bool, error) {
	var memory, time uint32
	parts := strings.Split(kept, "$")
	known := len(parts) == 6 && parts[1] == "argon2id"
	if known {
		_, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &memory, &time)
		known = err == nil && memory > 0 && memory <= 1<<20 && time > 0 && time <= 100
	}
	if !known {
		_, err := h.key(ctx, password, make([]byte, saltBytes), costTime, costMemory)
		return false, err
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || err2 != nil {
		return false, errors.Join(err, err2)
	}
	got, err := h.key(ctx, password, salt, time, memory)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

func (h hasher) key(ctx context.Context, password string, salt []byte, time, memory uint32) ([]byte, error) {
	if err := h.turns.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer h.turns.Release(1)
	return argon2.IDKey([]byte(password), salt, time, memory, 1, keyBytes), nil
}

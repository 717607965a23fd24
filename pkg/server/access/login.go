package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nkeys"
	"golang.org/x/crypto/bcrypt"
)

// A password costs about 50 ms of a processor to check, by design. So that wrong
// ones don't take it from those who work, one is checked at a time, and after a
// wrong one as long a pause follows as the check took. From one place freeTries
// may be wrong; then each further try waits for longer, at the most maxPause, and
// what comes before that is refused unchecked. A password that was right before is
// known again without the cost. A user that is not there costs and waits the same, so
// the time does not tell which are.
const (
	// Cost is bcrypt's for new passwords.
	Cost = bcrypt.DefaultCost
	// maxCost is the highest that an agents file may have: a quarter of a second.
	maxCost = 12
	// MaxPassword is the longest password, in bytes: bcrypt takes no more.
	MaxPassword = 72

	freeTries  = 5
	firstPause = 200 * time.Millisecond
	maxPause   = 10 * time.Second
	forgetting = time.Minute // until wrong tries are forgotten
	maxSources = 4096        // that are remembered
	maxWait    = time.Second // for the one check; what has to wait longer is refused
	maxWaiting = 32          // for it at once; what comes on top is refused
	maxFromOne = 16          // likewise, from one place
)

// Logins checks what connections prove themselves with. It keeps no secret as it
// is, only keyed digests of passwords that were right, under a key of its own that
// lives as long as it. Safe for concurrent use.
type Logins struct {
	key  []byte
	slot chan struct{} // held while a password is checked

	mu      sync.Mutex // guards the fields below
	right   map[string][sha256.Size]byte
	sources map[string]*source
	waiting int
}

// source is where logins come from.
type source struct {
	wrong   int
	last    time.Time // of the last wrong one
	until   time.Time // before it, passwords are not checked
	waiting int
}

// NewLogins returns one that knows no password yet.
func NewLogins() *Logins {
	key := make([]byte, sha256.Size)
	rand.Read(key) // it never fails
	return &Logins{
		key: key, slot: make(chan struct{}, 1),
		right: map[string][sha256.Size]byte{}, sources: map[string]*source{},
	}
}

// Password returns the identity that a user name and a password stand for. From
// says where they come from: the place that has to wait when they are wrong.
// Errors: ErrCredentials, ErrBusy.
func (l *Logins) Password(r *Rules, user, password, from string) (*Identity, error) {
	if len(password) > MaxPassword {
		return nil, fmt.Errorf("%w: the password has more than %d bytes", ErrCredentials, MaxPassword)
	}
	id := r.named[user]
	if id == nil || len(id.Passwords) == 0 {
		id = r.decoy
	}
	digest := l.digest(password)
	if id.Name != "" && l.known(id, digest) {
		return id, nil
	}
	if err := l.enter(from); err != nil {
		return nil, err
	}
	if !l.wait() {
		return nil, l.giveUp(from, "it waited for %s to be checked", maxWait)
	}
	return l.check(id, password, digest, from)
}

// check checks a password; the turn is this login's.
func (l *Logins) check(id *Identity, password string, digest [sha256.Size]byte, from string) (*Identity, error) {
	release := func() { <-l.slot }
	if left := l.punished(from); left > 0 {
		release()
		return nil, l.giveUp(from, "others from %s were wrong meanwhile; in %s", from, left)
	}
	decoy := id.Name == ""
	right := !decoy && l.known(id, digest) // another connection may have been quicker
	begun := time.Now()
	for _, hash := range id.Passwords {
		if !right && bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil && !decoy {
			right = true
			l.remember(hash, digest)
		}
	}
	l.leave(from, right)
	if !right {
		time.AfterFunc(time.Since(begun), release)
		if decoy {
			return nil, fmt.Errorf("%w: the user is no identity with a password", ErrCredentials)
		}
		return nil, fmt.Errorf("%w: user %q", ErrCredentials, id.Name)
	}
	release()
	return id, nil
}

func (l *Logins) digest(password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, l.key)
	h.Write([]byte(password))
	copy(sum[:], h.Sum(nil))
	return sum
}

func (l *Logins) known(id *Identity, digest [sha256.Size]byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, hash := range id.Passwords {
		if right, ok := l.right[hash]; ok && hmac.Equal(right[:], digest[:]) {
			return true
		}
	}
	return false
}

func (l *Logins) remember(hash string, digest [sha256.Size]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.right[hash] = digest
}

// Forget forgets the passwords that are not in the rules any more.
func (l *Logins) Forget(r *Rules) {
	kept := map[string]bool{}
	for _, id := range r.identities {
		for _, hash := range id.Passwords {
			kept[hash] = true
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for hash := range l.right {
		if !kept[hash] {
			delete(l.right, hash)
		}
	}
}

// enter lets a login wait for its check, or refuses it.
func (l *Logins) enter(from string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	s := l.sources[from]
	if s == nil {
		if len(l.sources) >= maxSources {
			l.prune(now)
		}
		if len(l.sources) >= maxSources {
			return fmt.Errorf("%w: from %d places; try again", ErrBusy, maxSources)
		}
		s = &source{}
		l.sources[from] = s
	}
	switch {
	case now.Before(s.until):
		return fmt.Errorf("%w: %d passwords from %s were wrong; try again in %s", ErrBusy, s.wrong, from, s.until.Sub(now).Round(time.Millisecond))
	case l.waiting >= maxWaiting || s.waiting >= maxFromOne:
		return fmt.Errorf("%w: %d wait to be checked; try again", ErrBusy, l.waiting)
	}
	l.waiting++
	s.waiting++
	return nil
}

// wait waits for the turn to check a password; false: it did not come.
func (l *Logins) wait() bool {
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case l.slot <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

// punished returns how long no password from a place is checked.
func (l *Logins) punished(from string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, time.Until(l.sources[from].until).Round(time.Millisecond))
}

// giveUp ends a login that waited.
func (l *Logins) giveUp(from, why string, args ...any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting--
	l.sources[from].waiting--
	return fmt.Errorf("%w: try again: %s", ErrBusy, fmt.Sprintf(why, args...))
}

// leave notes how a check ended.
func (l *Logins) leave(from string, right bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sources[from]
	l.waiting--
	s.waiting--
	now := time.Now()
	switch {
	case right:
		s.wrong = 0
	case now.Sub(s.last) > forgetting:
		s.wrong, s.last = 1, now
	default:
		s.wrong, s.last = s.wrong+1, now
	}
	if s.wrong > freeTries {
		s.until = now.Add(min(maxPause, firstPause<<min(s.wrong-freeTries-1, 10)))
	}
	if s.wrong == 0 && s.waiting == 0 {
		delete(l.sources, from)
	}
}

// prune forgets places that were not wrong for a while. The lock is held.
func (l *Logins) prune(now time.Time) {
	for from, s := range l.sources {
		if s.waiting == 0 && now.Sub(s.last) > forgetting {
			delete(l.sources, from)
		}
	}
}

// NKey returns the identity whose public key it is, when the signature of the
// nonce is its. The error is ErrCredentials.
func (r *Rules) NKey(public, signature string, nonce []byte) (*Identity, error) {
	id := r.keyed[public]
	if id == nil {
		return nil, fmt.Errorf("%w: the nkey is no identity's", ErrCredentials)
	}
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		if raw, err = base64.StdEncoding.DecodeString(signature); err != nil {
			return nil, fmt.Errorf("%w: the signature of identity %s is not base64", ErrCredentials, id.Name)
		}
	}
	key, err := nkeys.FromPublicKey(public)
	if err == nil && len(nonce) > 0 {
		err = key.Verify(nonce, raw)
	}
	if err != nil || len(nonce) == 0 {
		return nil, fmt.Errorf("%w: the signature is not that of identity %s", ErrCredentials, id.Name)
	}
	return id, nil
}

// Hash returns a password's hash, as the agents file has it.
func Hash(password string) (string, error) {
	if n := len(password); n == 0 || n > MaxPassword {
		return "", fmt.Errorf("%w: a password has 1 to %d bytes, this one %d", ErrCredentials, MaxPassword, n)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), Cost)
	return string(hash), err
}

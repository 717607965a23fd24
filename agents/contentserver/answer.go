package contentserver

import (
	"context"
	"net/http"
	"time"
)

// Pieces of an answer with a limited rate: so many a second, and no larger.
const (
	piecesPerSecond = 50
	maxPiece        = 32 << 10
)

// answer is a response that is held to a rate and to a fault. It must not have
// the method ReadFrom, which would go around both.
type answer struct {
	http.ResponseWriter
	ctx    context.Context
	rate   int64
	fault  Fault
	begun  time.Time
	status int
	sent   int64
}

func newAnswer(ctx context.Context, w http.ResponseWriter, rate int64, fault Fault) *answer {
	return &answer{ResponseWriter: w, ctx: ctx, rate: rate, fault: fault, begun: time.Now()}
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	if a.fault.NoRanges {
		a.Header().Set("Accept-Ranges", "none")
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. When it fails, the answer stays
// shorter than was announced, and the connection is closed.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	done := 0
	for done < len(p) {
		piece, err := a.allowed(int64(len(p) - done))
		if err != nil {
			return done, err
		}
		n, err := a.ResponseWriter.Write(p[done : done+int(piece)])
		done += n
		a.sent += int64(n)
		if err == nil && (a.rate > 0 || a.fault != Fault{}) {
			err = http.NewResponseController(a.ResponseWriter).Flush()
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// allowed returns how many of n bytes may be written now, after it waited until
// at least one may.
func (a *answer) allowed(n int64) (int64, error) {
	if err := a.ctx.Err(); err != nil {
		return 0, err
	}
	if limit := a.fault.BreakAfter; limit > 0 {
		if a.sent >= limit {
			return 0, errBroken
		}
		n = min(n, limit-a.sent)
	}
	if limit := a.fault.StallAfter; limit > 0 {
		if a.sent >= limit {
			<-a.ctx.Done()
			return 0, a.ctx.Err()
		}
		n = min(n, limit-a.sent)
	}
	if a.rate == 0 {
		return n, nil
	}
	due := a.begun.Add(time.Duration(float64(a.sent) / float64(a.rate) * float64(time.Second)))
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.ctx.Done():
		return 0, a.ctx.Err()
	}
	return min(n, maxPiece, max(1, a.rate/piecesPerSecond)), nil
}

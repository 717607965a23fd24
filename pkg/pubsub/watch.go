package pubsub

import (
	"fmt"
	"io"
	"net"
	"reflect"
	"syscall"
)

// ChannelWatch is a channel and what to call with what comes through it.
type ChannelWatch struct {
	// Chan is the channel: reflect.ValueOf(ch).
	Chan reflect.Value
	// Callback gets what was received, the zero value when the channel is closed.
	// True ends MultiChannelWatch.
	Callback func(value any) (exitWatch bool)
}

// MultiChannelWatch receives from all channels, one value at a time, until a
// callback ends it. A closed channel is watched no more after it was told.
func MultiChannelWatch(watches []ChannelWatch) {
	cases := make([]reflect.SelectCase, len(watches))
	for i, w := range watches {
		cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: w.Chan}
	}
	for {
		i, value, open := reflect.Select(cases)
		if !open {
			cases[i].Chan = reflect.Value{} // it would be ready for ever
		}
		var got any = struct{}{}
		if value.CanInterface() {
			got = value.Interface()
		}
		if watches[i].Callback(got) {
			return
		}
	}
}

// WatchAndProcessSubChanges has MultiChannelWatch process a subscription's changes.
func WatchAndProcessSubChanges(sub Subscription) ChannelWatch {
	return ChannelWatch{
		Chan: reflect.ValueOf(sub.MsgChan()),
		Callback: func(value any) bool {
			if c, ok := value.(Change); ok {
				sub.ProcessChange(c)
			}
			return false
		},
	}
}

// ConnReadCheck waits until a connection has something to read; io.EOF when it
// never will.
func ConnReadCheck(conn net.Conn) error {
	system, ok := conn.(syscall.Conn)
	if !ok {
		return fmt.Errorf("%w: a %T has no file descriptor to wait for", ErrType, conn)
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return err
	}
	var found error
	err = raw.Read(func(fd uintptr) bool {
		buf := []byte{0}
		var n int
		if n, _, found = syscall.Recvfrom(int(fd), buf, syscall.MSG_PEEK); found == syscall.EAGAIN {
			return false
		}
		if found == nil && n == 0 {
			found = io.EOF
		}
		return true
	})
	if err != nil {
		return err
	}
	return found
}

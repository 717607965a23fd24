//go:build !linux

package netif

import "errors"

func listen() (listener, error) {
	return nil, errors.New("this system has no way to tell that is known here")
}

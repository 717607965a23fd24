// Command demoapp is the application that the demo runs. Domainmgr starts it and
// tells it by environment who it is.
package main

import (
	"os"

	"github.com/evenkv/nkv/agents/demoapp"
)

func main() { os.Exit(demoapp.Run(os.Stdout, os.Stderr)) }

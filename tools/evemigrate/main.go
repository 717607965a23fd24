package main

import (
	"os"

	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{Use: "evemigrate"}
	root.AddCommand(newDriverCommand())
	if root.Execute() != nil {
		os.Exit(1)
	}
}

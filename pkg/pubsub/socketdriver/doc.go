package socketdriver

//go:generate go run ../../../tools/evemigrate driver --package socketdriver --pubsub github.com/evenkv/nkv/pkg/pubsub --output driver.go

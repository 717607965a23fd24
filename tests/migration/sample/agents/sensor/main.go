// Command sensor publishes one reading and stays until it is told to end.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/lf-edge/eve/pkg/pillar/base"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
	"github.com/lf-edge/eve/pkg/pillar/pubsub/socketdriver"
	"github.com/sirupsen/logrus"

	"example.com/device/types"
)

func main() {
	root := flag.String("root", "/", "root directory")
	key := flag.String("key", "room.1", "key")
	celsius := flag.Float64("celsius", 20, "reading")
	flag.Parse()

	logger := logrus.New()
	log := base.NewSourceLogObject(logger, "sensor", os.Getpid())
	ps := pubsub.New(&socketdriver.SocketDriver{Logger: logger, Log: log, RootDir: *root}, logger, log)
	pub, err := ps.NewPublication(pubsub.PublicationOptions{AgentName: "sensor", TopicType: types.Reading{}, Persistent: true})
	if err != nil {
		logger.Fatal(err)
	}
	if err := pub.Publish(*key, types.Reading{Celsius: *celsius, Serial: 1<<53 + 1}); err != nil {
		logger.Fatal(err)
	}
	if err := pub.SignalRestarted(); err != nil {
		logger.Fatal(err)
	}
	fmt.Printf("sensor publishes %d keys\n", len(pub.GetAll()))
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	<-signals
	if err := pub.Close(); err != nil {
		logger.Fatal(err)
	}
}

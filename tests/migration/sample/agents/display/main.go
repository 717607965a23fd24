// Command display shows readings until one is there, and fails when it does not
// come.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/lf-edge/eve/pkg/pillar/base"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
	"github.com/lf-edge/eve/pkg/pillar/pubsub/socketdriver"
	"github.com/sirupsen/logrus"

	"example.com/device/types"
)

func main() {
	root := flag.String("root", "/", "root directory")
	until := flag.String("until", "room.1=20", "reading to wait for")
	flag.Parse()

	logger := logrus.New()
	log := base.NewSourceLogObject(logger, "display", os.Getpid())
	ps := pubsub.New(&socketdriver.SocketDriver{Logger: logger, Log: log, RootDir: *root}, logger, log)
	found := false
	show := func(_ any, key string, v any) {
		r := v.(types.Reading)
		fmt.Printf("%s: %g °C from sensor %d\n", key, r.Celsius, r.Serial)
		found = found || fmt.Sprintf("%s=%g", key, r.Celsius) == *until && r.Serial == 1<<53+1
	}
	sub, err := ps.NewSubscription(pubsub.SubscriptionOptions{
		AgentName: "sensor", TopicImpl: types.Reading{}, Persistent: true, Activate: true,
		CreateHandler: show,
		ModifyHandler: func(ctx any, key string, v, _ any) { show(ctx, key, v) },
	})
	if err != nil {
		logger.Fatal(err)
	}
	defer sub.Close()
	late := time.After(20 * time.Second)
	for !found {
		select {
		case change := <-sub.MsgChan():
			sub.ProcessChange(change)
		case <-late:
			logger.Fatalf("%s did not come", *until)
		}
	}
}

// Package native needs a C header that nobody has.
package native

// #include <no/such/header.h>
import "C"

import (
	"example.com/sample/types"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

func run(ps *pubsub.PubSub) {
	C.start()
	ps.NewPublication(pubsub.PublicationOptions{AgentName: "native", TopicType: types.Native{}, Persistent: true})
}

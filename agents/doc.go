// Package agents is the roof over the agents of a device, which share their
// state through the nkv server: zedagent publishes the configuration, nim
// compares it with the host's network, diag shows the device.
//
// Each agent is a package, with its program in its folder cmd:
//
//	types      the structs that are shared
//	topics     the tables: which struct, whose, durable or not
//	zedagent   the configuration file's agent; devconfig reads its format
//	nim        the network's agent; netif lists the host's interfaces
//	diag       the agent that shows the device
//	wanted     makes a published table equal to a map
//	filewatch  tells of changes of a file
//	command    what the programs have in common
//
// There is no code here but the test of the programs together.
package agents

// Package agents is the roof over the agents of a small device, which share their
// state through the nkv server. Requests and statuses go through tables only;
// each agent is a process of its own, may be killed at any instant, and converges
// on the wanted state from whatever it finds. docs/agents.md shows which table
// carries what.
//
// Each agent is a package, with its program in its folder cmd:
//
//	types          the structs that are shared
//	topics         the tables: which struct, whose, durable or not
//	zedagent       publishes the configuration file; devconfig reads its format
//	nim            compares ports with the host's interfaces, which netif lists
//	volumemgr      makes volumes of downloaded content
//	downloader     fetches content over HTTP
//	zedmanager     puts an application's parts together
//	domainmgr      runs applications, each as one process, which domain starts
//	ledmanager     shows the device's state with a light
//	diag           shows the device to people
//	converge       the loop of an agent that makes what it does follow what it reads
//	wanted         makes a published table equal to a map
//	filewatch      tells of changes of a file
//	command        what the programs have in common
//	contentserver  stands in for every datastore
//	demoapp        the application that domainmgr runs
//
// There is no code here but the test of the programs together.
package agents

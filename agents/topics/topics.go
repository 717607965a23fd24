package topics

// Names of the agents.
const (
	ZedAgent   = "zedagent"   // publishes the device's configuration
	NIM        = "nim"        // publishes how the device's network stands
	VolumeMgr  = "volumemgr"  // makes volumes of content
	Downloader = "downloader" // fetches content
	ZedManager = "zedmanager" // puts an application's parts together
	DomainMgr  = "domainmgr"  // runs applications
	LedManager = "ledmanager" // shows the device's state with a light
	Diag       = "diag"       // shows the device
)

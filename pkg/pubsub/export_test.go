package pubsub

// SetWatchdogDirs has a PubSub touch files in a directory of the test's.
func SetWatchdogDirs(p *PubSub, dir string) {
	p.touchDir, p.watchdogFileDir, p.watchdogPidDir = dir, dir, dir
}

// DriverOf returns a publication's driver.
func DriverOf(pub *PublicationImpl) DriverPublisher { return pub.driver }

package types

// VolumeConfig is one volume that the device shall have. Its key is its UUID.
//
//nkv:table owner=zedagent
type VolumeConfig struct {
	// VolumeID is the volume's id.
	VolumeID string
	// DisplayName is a name for people.
	DisplayName string
	// OriginType says what it is made from.
	OriginType VolumeOriginType
	// ContentID is the key of the content tree that it is made from; empty for
	// a blank volume.
	ContentID string
	// MaxVolSizeBytes is its size; 0: that of its content.
	MaxVolSizeBytes int64
	// GenerationCounter grows each time it shall be made anew.
	GenerationCounter int64
	// ReadOnly says that it is not written to.
	ReadOnly bool
	// ClearText says that it is not encrypted on disk.
	ClearText bool
	// Target is how it is presented.
	Target VolumeTarget
	// AccessProtocols are how it is accessed.
	AccessProtocols []VolumeProtocol
	// DesignatedNodeID is the node of a cluster that it shall be on.
	DesignatedNodeID string
	// RefCount is the number of uses by applications of this configuration.
	RefCount uint32
	// Error says what is wrong with this part of the configuration.
	Error string
}

// ContentTreeConfig is something to download. Its key is its UUID.
//
//nkv:table owner=zedagent
type ContentTreeConfig struct {
	// ContentID is the content tree's id.
	ContentID string
	// DisplayName is a name for people.
	DisplayName string
	// DatastoreIDs are the keys of the datastores to try, in their order.
	DatastoreIDs []string
	// RelativeURL is where it is in the datastore.
	RelativeURL string
	// Format is its format.
	Format ImageFormat
	// ContentSHA256 is its checksum, 64 hexadecimal digits; empty: not stated.
	ContentSHA256 string
	// MaxDownloadSizeBytes is the most that may be downloaded.
	MaxDownloadSizeBytes uint64
	// GenerationCounter grows each time it shall be downloaded anew.
	GenerationCounter int64
	// CustomMetaData is what an application may read about it.
	CustomMetaData string
	// DesignatedNodeID is the node of a cluster that shall have it.
	DesignatedNodeID string
	// Error says what is wrong with this part of the configuration.
	Error string
}

// DatastoreConfig is a server that content trees are downloaded from. Its key
// is its UUID. It may hold secrets: grant the table with care.
//
//nkv:table owner=zedagent
type DatastoreConfig struct {
	// UUID is the datastore's id.
	UUID string
	// Type is its protocol.
	Type DatastoreType
	// FQDN is its host name or URL.
	FQDN string
	// DPath is a path or a bucket on it.
	DPath string
	// Region is the region of a cloud service.
	Region string
	// APIKey is the user name.
	APIKey string
	// Password is the password in clear text, as older controllers send it.
	Password string
	// CipherData are encrypted credentials.
	CipherData CipherBlock
	// CertPEM are the certificates that the server is trusted by, one PEM text
	// each.
	CertPEM []string
	// Error says what is wrong with this part of the configuration.
	Error string
}

// ConfigItem is one setting of the device. Its key is the setting's name, for
// example "timer.config.interval".
//
//nkv:table owner=zedagent
type ConfigItem struct {
	// Key is the setting's name.
	Key string
	// Value is its text; numbers and booleans are texts too.
	Value string
}

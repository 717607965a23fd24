package types

import (
	"strconv"
	"time"
)

// DownloaderConfig is volumemgr's request for a file. Its key is the content
// tree's id.
//
//nkv:table owner=volumemgr
type DownloaderConfig struct {
	// ContentID is the content tree's id.
	ContentID string
	// DisplayName is a name for people.
	DisplayName string
	// DatastoreIDs are the keys of the datastores to try, in their order.
	DatastoreIDs []string
	// RelativeURL is where it is in the datastore.
	RelativeURL string
	// SHA256 is its checksum, 64 hexadecimal digits; empty: not stated.
	SHA256 string
	// MaxSizeBytes is the most that may be downloaded; 0: no limit.
	MaxSizeBytes uint64
	// Target is the absolute path of the file to make. It is there only when it
	// is complete.
	Target string
	// Attempt grows when the file is wanted anew although it was complete: it
	// is gone or damaged.
	Attempt uint32
}

// DownloadState says how far a download has come.
type DownloadState string

// The states of a download.
const (
	DownloadQueued   DownloadState = "queued"      // others come first
	DownloadRunning  DownloadState = "downloading" // bytes are coming
	DownloadComplete DownloadState = "complete"    // Target is complete and has the stated checksum
	DownloadFailed   DownloadState = "failed"      // Problem says why; it is tried again at RetryAt
)

// DownloaderStatus is downloader's answer to a DownloaderConfig. Its key is the
// content tree's id. While bytes are coming it changes at most ten times a
// second.
//
//nkv:table owner=downloader
type DownloaderStatus struct {
	// Request is the request that it answers.
	Request DownloaderConfig
	// State is how far it has come.
	State DownloadState
	// URL is where it comes from, or came from last.
	URL string
	// TotalBytes is its size; 0: not known yet.
	TotalBytes int64
	// CurrentBytes is how much of it there is.
	CurrentBytes int64
	// ResumedBytes is how much of it was there already when the present try
	// began.
	ResumedBytes int64
	// SHA256 is the checksum of the complete file, 64 hexadecimal digits; empty
	// until it is complete.
	SHA256 string
	// Failures counts the tries that failed, in a row.
	Failures uint32
	// RetryAt is when it is tried again, when State is "failed".
	RetryAt time.Time `json:",omitzero"`
	// Problem says why the last try failed.
	Problem Problem `json:",omitzero"`
}

// ContentTreeStatus says how far a content tree has come, as volumemgr finds
// it. Its key is the content tree's id.
//
//nkv:table owner=volumemgr
type ContentTreeStatus struct {
	// ContentID is the content tree's id.
	ContentID string
	// DisplayName is a name for people.
	DisplayName string
	// GenerationCounter is the generation that it is of.
	GenerationCounter int64
	// State is INITIAL, DOWNLOAD_STARTED, VERIFYING, LOADED or ERROR.
	State SwState
	// Path is the file; empty until it is LOADED.
	Path string
	// SizeBytes is its size; 0 until it is LOADED.
	SizeBytes int64
	// SHA256 is its checksum as volumemgr found it, 64 hexadecimal digits; empty
	// until it is LOADED.
	SHA256 string
	// Problem says what is wrong, when State is ERROR.
	Problem Problem `json:",omitzero"`
}

// VolumeStatus says how far a volume has come, as volumemgr finds it. Its key is
// the volume's id.
//
//nkv:table owner=volumemgr
type VolumeStatus struct {
	// VolumeID is the volume's id.
	VolumeID string
	// DisplayName is a name for people.
	DisplayName string
	// GenerationCounter is the generation that it is of.
	GenerationCounter int64
	// ContentID is the content tree that it is made from; empty: it is blank.
	ContentID string
	// State is INITIAL, DOWNLOAD_STARTED, VERIFYING, CREATING_VOLUME,
	// CREATED_VOLUME or ERROR.
	State SwState
	// Path is the volume's file; empty until it is CREATED_VOLUME.
	Path string
	// SizeBytes is its size; 0 until it is CREATED_VOLUME.
	SizeBytes int64
	// ReadOnly says that nobody may write to it.
	ReadOnly bool
	// Problem says what is wrong, when State is ERROR.
	Problem Problem `json:",omitzero"`
}

// VolumeUse says that applications use a generation of a volume, or are about
// to: volumemgr keeps its file while this is so, wanted or not. Its key is that
// of VolumeKey.
//
//nkv:table owner=zedmanager
type VolumeUse struct {
	// VolumeID is the volume's id.
	VolumeID string
	// GenerationCounter is its generation.
	GenerationCounter int64
	// Apps are the ids of the applications, in order.
	Apps []string
}

// VolumeKey names one generation of a volume: its id, '#' and the generation.
func VolumeKey(volumeID string, generation int64) string {
	return volumeID + "#" + strconv.FormatInt(generation, 10)
}

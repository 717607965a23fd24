package plain

import (
	"encoding/json"
	"time"
)

// ContentConfig is content to fetch.
//
//nkv:table owner=stored
type ContentConfig struct {
	ID         UUID   `json:"id"`
	Name       string `json:"name"`
	Datastores []UUID
	RelURL     string
	Format     Format
	SHA256     string `json:"sha256"`
	MaxSize    uint64
	Custom     json.RawMessage `json:"custom,omitempty"`
	Meta       map[string]json.RawMessage
	Signature  []byte
	Chain      [][]byte
	Expires    *time.Time `json:"expires,omitempty"`
}

// ContentStatus is content that was fetched.
//
//nkv:table owner=stored durable topic=Content
type ContentStatus struct {
	ContentConfig `json:"config"`
	State         State
	Progress      uint
	Blobs         []*Blob
	Total         json.Number
	Current       json.Number `json:"current,omitempty"`
	Rates         []json.Number
	Errors        []ErrorInfo
	Done          map[string]time.Time
	Took          time.Duration `json:"took,omitempty"`
	Hooks         []json.RawMessage
	Last          *json.RawMessage
}

// Blob is a piece of content.
//
//nkv:json
type Blob struct {
	Digest    [32]byte
	Size      int64
	MediaType string `json:"mediaType"`
	Path      string `json:"path,omitempty"`
	Refs      uint
	State     State
	Headers   map[string][]string
	Progress  *DownloadProgress
}

// DownloadProgress is how far a download is.
//
//nkv:json
type DownloadProgress struct {
	Done, Total int64
	Rate        float64
	ETA         *time.Duration
	Parts       map[int64]bool
	ETag        *string `json:"etag"`
}

// Datastore is where content comes from.
//
//nkv:json
type Datastore struct {
	Type     string
	URL      string            `json:"url"`
	Key      string            `json:"api_key,omitempty"`
	Headers  map[Header]string `json:"headers"`
	CertsPEM []PEM
	Retries  *int
	Proxies  map[string]*Proxy
}

// Header is a named string that keys a map.
type Header string

// PEM is a named slice of bytes.
type PEM []byte

// Format is a named integer.
type Format int8

// VolumeStatus is a volume.
//
//nkv:json
type VolumeStatus struct {
	ID          UUID
	Content     *ContentStatus
	Datastore   Datastore
	Size        uint64
	Used        uint64 `json:"used,omitempty"`
	Encrypted   bool
	Handler     *VolumeStatus
	History     []Event
	RefCount    int
	Marshalled  json.Number `json:"n"`
	Attachments map[string]VolumeRef
}

// Event is an entry of a log.
//
//nkv:json
type Event struct {
	At      time.Time
	Kind    Severity
	Message string
	Data    json.RawMessage `json:"data"`
	Args    []argument      `json:"args,omitempty"`
}

// argument is an unexported type with exported fields.
//
//nkv:json
type argument struct {
	Key   string
	Value *string
}

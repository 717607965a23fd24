package domain

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/evenkv/nkv/agents/types"
)

// The environment of an application's process. It gets domainmgr's own
// environment besides, but for what begins with NKV_.
const (
	// EnvID is the application's id: Name of its key.
	EnvID = "NKV_DOMAIN_ID"
	// EnvDir is the directory of domainmgr.
	EnvDir = "NKV_DOMAIN_DIR"
	// EnvName is the application's name for people.
	EnvName = "NKV_DOMAIN_NAME"
	// EnvVCPUs is the number of processors that it was given, decimal.
	EnvVCPUs = "NKV_DOMAIN_VCPUS"
	// EnvMemory is the memory that it was given in KiB, decimal.
	EnvMemory = "NKV_DOMAIN_MEMORY_KIB"
	// EnvVolumes are its volumes: a JSON list of types.DomainVolume.
	EnvVolumes = "NKV_DOMAIN_VOLUMES"
	// EnvNetworks are its networks: a JSON list of types.DomainNetwork.
	EnvNetworks = "NKV_DOMAIN_NETWORKS"
	// EnvLock is the number of the descriptor that shows that the application
	// lives. It must be left open.
	EnvLock = "NKV_DOMAIN_LOCK_FD"
)

// lockFD is the descriptor of the lock in an application's process.
const lockFD = 3

// environment returns what a process is started with.
func environment(dir, name string, cfg types.DomainConfig) ([]string, error) {
	volumes, err := json.Marshal(cfg.Volumes)
	if err != nil {
		return nil, err
	}
	networks, err := json.Marshal(cfg.Networks)
	if err != nil {
		return nil, err
	}
	env := []string{
		EnvID + "=" + name,
		EnvDir + "=" + dir,
		EnvName + "=" + strings.ReplaceAll(cfg.DisplayName, "\x00", "\uFFFD"), // which an environment can't hold
		EnvVCPUs + "=" + strconv.FormatUint(uint64(cfg.VCPUs), 10),
		EnvMemory + "=" + strconv.FormatInt(cfg.MemoryKiB, 10),
		EnvVolumes + "=" + string(volumes),
		EnvNetworks + "=" + string(networks),
		EnvLock + "=" + strconv.Itoa(lockFD),
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "NKV_") && !strings.HasPrefix(v, "PWD=") {
			env = append(env, v)
		}
	}
	return env, nil
}

// Identity is what an application's process is told.
type Identity struct {
	// ID is its id.
	ID string
	// Name is its name for people.
	Name string
	// Volumes are the files that it uses, in their order.
	Volumes []types.DomainVolume
	// Networks are its network interfaces, in their order.
	Networks []types.DomainNetwork
}

// FromEnvironment returns what the calling process was told. It is for
// applications; ErrNoDomain when it was not started by domainmgr.
func FromEnvironment() (Identity, error) {
	id := Identity{ID: os.Getenv(EnvID), Name: os.Getenv(EnvName)}
	if id.ID == "" {
		return id, fmt.Errorf("%w: $%s is empty", ErrNoDomain, EnvID)
	}
	for name, list := range map[string]any{EnvVolumes: &id.Volumes, EnvNetworks: &id.Networks} {
		if text := os.Getenv(name); text != "" {
			if err := json.Unmarshal([]byte(text), list); err != nil {
				return id, fmt.Errorf("%w: $%s: %w", ErrNoDomain, name, err)
			}
		}
	}
	return id, nil
}

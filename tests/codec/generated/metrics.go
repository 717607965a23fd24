package generated

import "time"

// Metrics is as large as payloads get: more than 200 fields.
//
//nkv:table owner=deviced topic=Metrics
type Metrics struct {
	CPUTotal       uint64 `json:"cpu_total"`
	CPUUsed        int    `json:"cpu_used,omitempty"`
	CPUFree        uint64 `json:"cpu_free"`
	CPUErrors      uint16 `json:",omitzero"`
	CPUDrops       uint64
	CPURate        float64 `json:"cpu_rate"`
	CPUPeak        int64   `json:"cpu_peak"`
	CPUMean        float64
	CPUP50         float32 `json:"cpu_p50"`
	CPUP99         float32
	CPUCount       int
	CPUSince       time.Time `json:"cpu_since"`
	CPULimit       *float64
	CPUName        string `json:"cpu_name"`
	CPUState       Severity
	CPUSamples     []int64           `json:"cpu_samples"`
	CPUBy          map[string]uint64 `json:"cpu_by,omitempty"`
	CPULast        time.Duration
	CPUDelta       int16
	CPURatio       [2]float32
	CPUWait        time.Duration
	CPUEnabled     bool   `json:"cpu_enabled,omitempty"`
	MemoryTotal    uint32 `json:"memory_total"`
	MemoryUsed     int    `json:"memory_used"`
	MemoryFree     int32  `json:"memory_free"`
	MemoryErrors   uint32 `json:"memory_errors"`
	MemoryDrops    uint64
	MemoryRate     float32 `json:",omitzero"`
	MemoryPeak     int64
	MemoryMean     float64
	MemoryP50      float32 `json:"memory_p50"`
	MemoryP99      float32
	MemoryCount    int       `json:"memory_count"`
	MemorySince    time.Time `json:"memory_since,omitempty"`
	MemoryLimit    *float64
	MemoryName     string
	MemoryState    State
	MemorySamples  []int64 `json:"memory_samples"`
	MemoryBy       map[string]string
	MemoryLast     time.Duration `json:"memory_last"`
	MemoryDelta    int64         `json:"memory_delta"`
	MemoryRatio    [2]float32    `json:"memory_ratio"`
	MemoryWait     time.Duration
	MemoryEnabled  *bool
	DiskTotal      int64 `json:"disk_total"`
	DiskUsed       int   `json:"disk_used"`
	DiskFree       uint64
	DiskErrors     uint16
	DiskDrops      uint64 `json:"disk_drops"`
	DiskRate       float64
	DiskPeak       int64   `json:"disk_peak"`
	DiskMean       float64 `json:"diskMean,string"`
	DiskP50        float32 `json:"disk_p50"`
	DiskP99        float32 `json:"disk_p99,omitempty"`
	DiskCount      int     `json:"disk_count"`
	DiskSince      time.Time
	DiskLimit      *int64    `json:"disk_limit,omitempty"`
	DiskName       string    `json:"disk_name,omitempty"`
	DiskState      State     `json:"disk_state"`
	DiskSamples    []float64 `json:"disk_samples"`
	DiskBy         map[string]uint64
	DiskLast       time.Duration
	DiskDelta      int16         `json:"disk_delta,omitempty"`
	DiskRatio      [2]float32    `json:"disk_ratio"`
	DiskWait       time.Duration `json:"disk_wait"`
	DiskEnabled    *bool
	NetTotal       int64
	NetUsed        uint64 `json:"net_used,omitempty"`
	NetFree        uint64 `json:"net_free,omitempty"`
	NetErrors      uint16 `json:"net_errors"`
	NetDrops       uint64 `json:"net_drops,omitempty"`
	NetRate        float32
	NetPeak        int64   `json:"net_peak"`
	NetMean        float64 `json:"net_mean"`
	NetP50         float32 `json:",omitzero"`
	NetP99         float32 `json:"net_p99,omitempty"`
	NetCount       int     `json:"net_count"`
	NetSince       time.Time
	NetLimit       *float64
	NetName        string
	NetState       State     `json:"net_state,omitempty"`
	NetSamples     []float64 `json:"net_samples,omitempty"`
	NetBy          map[string]string
	NetLast        time.Duration `json:"net_last"`
	NetDelta       int16         `json:"net_delta,omitempty"`
	NetRatio       [3]uint8
	NetWait        time.Duration
	NetEnabled     *bool `json:"net_enabled"`
	PowerTotal     int64
	PowerUsed      uint64
	PowerFree      int32
	PowerErrors    uint32 `json:"power_errors"`
	PowerDrops     uint64
	PowerRate      float32
	PowerPeak      float64
	PowerMean      float64 `json:"powerMean,string"`
	PowerP50       float32
	PowerP99       float32
	PowerCount     uint
	PowerSince     time.Time
	PowerLimit     *float64 `json:"power_limit"`
	PowerName      string
	PowerState     State
	PowerSamples   []float64         `json:"power_samples"`
	PowerBy        map[string]string `json:"power_by"`
	PowerLast      *time.Time
	PowerDelta     int8 `json:"power_delta"`
	PowerRatio     [2]float32
	PowerWait      time.Duration `json:"power_wait,omitempty"`
	PowerEnabled   *bool
	ThermalTotal   uint64 `json:"thermal_total"`
	ThermalUsed    uint64
	ThermalFree    uint64 `json:"thermal_free"`
	ThermalErrors  uint16
	ThermalDrops   uint64
	ThermalRate    float32 `json:"thermal_rate,omitempty"`
	ThermalPeak    int64   `json:"thermal_peak,omitempty"`
	ThermalMean    float64
	ThermalP50     float32 `json:"thermal_p50"`
	ThermalP99     float32
	ThermalCount   int       `json:",omitzero"`
	ThermalSince   time.Time `json:"thermal_since,omitempty"`
	ThermalLimit   *float64  `json:"thermal_limit"`
	ThermalName    string
	ThermalState   Severity          `json:"thermal_state,omitempty"`
	ThermalSamples []int64           `json:"thermal_samples"`
	ThermalBy      map[string]uint64 `json:"thermal_by"`
	ThermalLast    time.Duration     `json:"thermal_last"`
	ThermalDelta   int8              `json:"thermal_delta"`
	ThermalRatio   [2]float32
	ThermalWait    time.Duration
	ThermalEnabled bool `json:",omitzero"`
	QueueTotal     int64
	QueueUsed      int    `json:",omitzero"`
	QueueFree      uint64 `json:"queue_free,omitempty"`
	QueueErrors    uint16 `json:"queue_errors,omitempty"`
	QueueDrops     uint64
	QueueRate      float64
	QueuePeak      int64 `json:",omitzero"`
	QueueMean      float64
	QueueP50       float32
	QueueP99       float32
	QueueCount     int `json:"queue_count,omitempty"`
	QueueSince     time.Time
	QueueLimit     *float64
	QueueName      string `json:"queue_name"`
	QueueState     State
	QueueSamples   []int64
	QueueBy        map[string]uint64 `json:"queue_by"`
	QueueLast      *time.Time        `json:"queue_last"`
	QueueDelta     int8
	QueueRatio     [2]float32    `json:"queue_ratio"`
	QueueWait      time.Duration `json:"queue_wait"`
	QueueEnabled   *bool         `json:"queue_enabled"`
	CacheTotal     int64
	CacheUsed      uint64 `json:",omitzero"`
	CacheFree      uint64
	CacheErrors    uint32 `json:"cache_errors"`
	CacheDrops     uint64
	CacheRate      float64
	CachePeak      float64 `json:"cache_peak"`
	CacheMean      float64
	CacheP50       float32
	CacheP99       float32
	CacheCount     int
	CacheSince     time.Time
	CacheLimit     *int64 `json:"cache_limit"`
	CacheName      string
	CacheState     Severity
	CacheSamples   []uint16        `json:",omitzero"`
	CacheBy        map[int]float64 `json:"cache_by"`
	CacheLast      *time.Time
	CacheDelta     int8 `json:"cache_delta"`
	CacheRatio     [3]uint8
	CacheWait      time.Duration `json:"cache_wait,omitempty"`
	CacheEnabled   *bool
	LinkTotal      uint64 `json:",omitzero"`
	LinkUsed       int
	LinkFree       int32
	LinkErrors     uint16
	LinkDrops      uint64 `json:"link_drops,omitempty"`
	LinkRate       float32
	LinkPeak       float64 `json:"link_peak"`
	LinkMean       float64 `json:"link_mean"`
	LinkP50        float32
	LinkP99        float32   `json:"link_p99,omitempty"`
	LinkCount      int       `json:"link_count"`
	LinkSince      time.Time `json:"link_since"`
	LinkLimit      *int64    `json:"link_limit"`
	LinkName       string    `json:"link_name"`
	LinkState      Severity  `json:"link_state"`
	LinkSamples    []int64   `json:"link_samples"`
	LinkBy         map[string]string
	LinkLast       time.Duration
	LinkDelta      int64
	LinkRatio      [2]float32
	LinkWait       time.Duration
	LinkEnabled    bool   `json:",omitzero"`
	AgentTotal     uint64 `json:"agent_total"`
	AgentUsed      int    `json:"agent_used,omitempty"`
	AgentFree      uint64 `json:"agent_free,omitempty"`
	AgentErrors    uint32
	AgentDrops     uint64 `json:",omitzero"`
	AgentRate      float32
	AgentPeak      int64   `json:"agent_peak"`
	AgentMean      float64 `json:"agent_mean,omitempty"`
	AgentP50       float32 `json:"agent_p50"`
	AgentP99       float32 `json:"agent_p99"`
	AgentCount     uint    `json:"agent_count"`
	AgentSince     time.Time
	AgentLimit     *int64 `json:"agent_limit"`
	AgentName      string `json:"agent_name,omitempty"`
	AgentState     State
	AgentSamples   []uint16
	AgentBy        map[string]string
	AgentLast      *time.Time `json:"agent_last"`
	AgentDelta     int64
	AgentRatio     [2]float32    `json:"agent_ratio"`
	AgentWait      time.Duration `json:"agent_wait"`
	AgentEnabled   *bool
}

package generated

//lint:file-ignore SA5008 odd tags are what is tested

import (
	"encoding/json"
	"math/big"
	"net"
	"net/netip"
	"time"
)

// Times has times.
//
//nkv:json
type Times struct {
	One    time.Time
	Ptr    *time.Time
	Many   []time.Time
	Map    map[string]time.Time
	Keys   map[netip.Addr]*time.Time
	Omit   *time.Time `json:",omitempty"`
	Zero   time.Time  `json:",omitzero"`
	Named  Moment
	Wait   time.Duration
	Waits  []time.Duration
	WaitP  *time.Duration
	Quoted time.Duration `json:",string"`
	Month  time.Month    `json:"month,omitempty"`
}

// Moment has the memory of a time, but none of its methods. JSON sees no field.
type Moment time.Time

// MarshalJSON writes seconds.
func (m Moment) MarshalJSON() ([]byte, error) { return json.Marshal(time.Time(m).Unix()) }

// UnmarshalJSON takes seconds.
func (m *Moment) UnmarshalJSON(src []byte) error {
	var n int64
	if err := json.Unmarshal(src, &n); err != nil {
		return err
	}
	*m = Moment(time.Unix(n, 0).UTC())
	return nil
}

// Nets has addresses of both packages.
//
//nkv:json
type Nets struct {
	IP       net.IP
	IPs      []net.IP
	IPPtr    *net.IP
	IPOmit   net.IP `json:",omitempty"`
	Mask     net.IPMask
	Net      net.IPNet
	NetPtr   *net.IPNet
	MAC      net.HardwareAddr
	MACs     []net.HardwareAddr
	TCP      net.TCPAddr
	UDP      *net.UDPAddr
	Addr     netip.Addr
	AddrPtr  *netip.Addr
	Addrs    []netip.Addr
	AddrZero netip.Addr `json:",omitzero"`
	Port     netip.AddrPort
	Ports    map[netip.AddrPort]netip.Addr
	Prefix   netip.Prefix
	Prefixes map[string]netip.Prefix
	PrefixP  *netip.Prefix
	IPKeys   map[string]net.IP
}

// Raws has JSON in JSON.
//
//nkv:json
type Raws struct {
	Raw     json.RawMessage
	RawPtr  *json.RawMessage
	Raws    []json.RawMessage
	RawMap  map[string]json.RawMessage
	RawOmit json.RawMessage `json:",omitempty"`
	RawZero json.RawMessage `json:",omitzero"`
	RawTwo  [2]json.RawMessage
	Named   NamedRaw
	Quoted  json.RawMessage `json:",string"`
}

// NamedRaw has the memory of raw JSON, but no methods.
type NamedRaw json.RawMessage

// Numbers has numbers as they were written.
//
//nkv:json
type Numbers struct {
	Number  json.Number
	Ptr     *json.Number
	Many    []json.Number
	Map     map[string]json.Number
	Keys    map[json.Number]int
	Omit    json.Number  `json:",omitempty"`
	Zero    json.Number  `json:",omitzero"`
	Quoted  json.Number  `json:",string"`
	QPtr    *json.Number `json:",string"`
	Named   NamedNumber
	QNamed  NamedNumber `json:",string"`
	Big     *big.Int
	Bigs    []*big.Int
	BigMap  map[string]*big.Int
	BigReal *big.Float `json:",omitempty"`
}

// NamedNumber is a string like any other.
type NamedNumber json.Number

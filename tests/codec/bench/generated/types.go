// Package generated holds the structs that are measured: a small one, one of a
// median size and a large one, with fields as real ones have them.
package generated

//go:generate go run github.com/evenkv/nkv/tools/nkvgen .
import (
	"net/netip"
	"time"
)

// State is a text of a few.
type State string

// Small is a setting.
//
//nkv:json
type Small struct {
	Key     string
	Value   string
	Version uint32
	Secret  bool
}

// Address is where something is.
//
//nkv:json
type Address struct {
	Host   netip.Addr
	Subnet netip.Prefix
	Port   uint16
}

// Median is the status of a port.
//
//nkv:json
type Median struct {
	UUID        string
	DisplayName string
	State       State
	Version     string `json:"version,omitempty"`
	Activate    bool
	Restarts    uint32
	MemoryKiB   int64
	Addresses   []Address
	Labels      map[string]string
	DNS         []string
	Since       time.Time
	Error       string
}

// Large is a report of a whole device.
//
//nkv:json
type Large struct {
	Field000  string
	Field001  string
	Field002  bool
	Field003  string
	Field004  int64
	Field005  bool
	Field006  string
	Field007  int64 `json:"field_007,omitempty"`
	Field008  bool
	Field009  string
	Field010  int64
	Field011  State
	Field012  string
	Field013  uint32
	Field014  time.Time
	Field015  string
	Field016  uint32
	Field017  float64
	Field018  string
	Field019  uint32
	Field020  string `json:"field_020,omitempty"`
	Field021  int64
	Field022  bool
	Field023  string
	Field024  int64
	Field025  bool
	Field026  string
	Field027  int64
	Field028  State
	Field029  string
	Field030  uint32
	Field031  time.Time
	Field032  string
	Field033  uint32 `json:"field_033,omitempty"`
	Field034  float64
	Field035  string
	Field036  uint32
	Field037  string
	Field038  int64
	Field039  bool
	Field040  string
	Field041  int64
	Field042  bool
	Field043  string
	Field044  int64
	Field045  State
	Field046  string `json:"field_046,omitempty"`
	Field047  uint32
	Field048  time.Time
	Field049  string
	Field050  uint32
	Field051  float64
	Field052  string
	Field053  uint32
	Field054  string
	Field055  int64
	Field056  bool
	Field057  string
	Field058  int64
	Field059  bool `json:"field_059,omitempty"`
	Field060  string
	Field061  int64
	Field062  State
	Field063  string
	Field064  uint32
	Field065  time.Time
	Field066  string
	Field067  uint32
	Field068  float64
	Field069  string
	Field070  uint32
	Field071  string
	Field072  int64 `json:"field_072,omitempty"`
	Field073  bool
	Field074  string
	Field075  int64
	Field076  bool
	Field077  string
	Field078  int64
	Field079  State
	Field080  string
	Field081  uint32
	Field082  time.Time
	Field083  string
	Field084  uint32
	Field085  float64 `json:"field_085,omitempty"`
	Field086  string
	Field087  uint32
	Field088  string
	Field089  int64
	Field090  bool
	Field091  string
	Field092  int64
	Field093  bool
	Field094  string
	Field095  int64
	Field096  State
	Field097  string
	Field098  uint32 `json:"field_098,omitempty"`
	Field099  time.Time
	Field100  string
	Field101  uint32
	Field102  float64
	Field103  string
	Field104  uint32
	Field105  string
	Field106  int64
	Field107  bool
	Field108  string
	Field109  int64
	Field110  bool
	Field111  string `json:"field_111,omitempty"`
	Field112  int64
	Field113  State
	Field114  string
	Field115  uint32
	Field116  time.Time
	Field117  string
	Field118  uint32
	Field119  float64
	Field120  string
	Field121  uint32
	Field122  string
	Field123  int64
	Field124  bool `json:"field_124,omitempty"`
	Field125  string
	Field126  int64
	Field127  bool
	Field128  string
	Field129  int64
	Field130  State
	Field131  string
	Field132  uint32
	Field133  time.Time
	Field134  string
	Field135  uint32
	Field136  float64
	Field137  string `json:"field_137,omitempty"`
	Field138  uint32
	Field139  string
	Field140  int64
	Field141  bool
	Field142  string
	Field143  int64
	Field144  bool
	Field145  string
	Field146  int64
	Field147  State
	Field148  string
	Field149  uint32
	Field150  time.Time `json:"field_150,omitempty"`
	Field151  string
	Field152  uint32
	Field153  float64
	Field154  string
	Field155  uint32
	Field156  string
	Field157  int64
	Field158  bool
	Field159  string
	Field160  int64
	Field161  bool
	Field162  string
	Field163  int64 `json:"field_163,omitempty"`
	Field164  State
	Field165  string
	Field166  uint32
	Field167  time.Time
	Field168  string
	Field169  uint32
	Field170  float64
	Field171  string
	Field172  uint32
	Field173  string
	Field174  int64
	Field175  bool
	Field176  string `json:"field_176,omitempty"`
	Field177  int64
	Field178  bool
	Field179  string
	Field180  int64
	Field181  State
	Field182  string
	Field183  uint32
	Field184  time.Time
	Field185  string
	Field186  uint32
	Field187  float64
	Field188  string
	Field189  uint32 `json:"field_189,omitempty"`
	Field190  string
	Field191  int64
	Field192  bool
	Field193  string
	Field194  int64
	Field195  bool
	Field196  string
	Field197  int64
	Field198  State
	Field199  string
	Field200  uint32
	Field201  time.Time
	Field202  string `json:"field_202,omitempty"`
	Field203  uint32
	Field204  float64
	Field205  string
	Field206  uint32
	Field207  string
	Addresses []Address
	Labels    map[string]string
	Names     []string
	Parts     []Median
	Last      *Median
	Counts    [4]uint64
}

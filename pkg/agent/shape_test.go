package agent

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

type (
	node struct {
		Name     string
		Children []*node
		ByName   map[string]node
	}
	list    []list
	tree    map[string]tree
	pointer *pointer
	inner   struct{ A int }
	plain   struct {
		inner
		A, B  int
		When  time.Time
		Skip  func()  `json:"-"`
		Bytes [4]byte `json:"bytes,omitempty"`
	}
	withInterface struct{ Any any }
	withError     struct{ Err error }
	withFunc      struct{ Call func() }
	withChannel   struct{ Events chan int }
	withComplex   struct{ C complex128 }
	withHidden    struct{ hidden int }
	withEmbedded  struct{ *inner }
	deep          struct{ Rows []map[string][2]*withError }
	badKey        struct{ M map[bool]int }
	jsonKey       struct{ M map[marshalsJSON]int }
	textKey       struct{ M map[marshalsText]int }
	selfWritten   struct{ V marshalsJSON }
)

type marshalsJSON struct{ hidden string }

func (m *marshalsJSON) MarshalJSON() ([]byte, error) { return []byte(`"` + m.hidden + `"`), nil }

func (m *marshalsJSON) UnmarshalJSON(data []byte) error {
	m.hidden = strings.Trim(string(data), `"`)
	return nil
}

type marshalsText struct{ hidden string }

func (m marshalsText) MarshalText() ([]byte, error) { return []byte(m.hidden), nil }

func (m *marshalsText) UnmarshalText(text []byte) error {
	m.hidden = string(text)
	return nil
}

func TestTypesThatCanBeShared(t *testing.T) {
	prints := map[string]string{}
	for _, v := range []any{
		node{}, list{}, tree{}, plain{}, inner{}, textKey{}, selfWritten{}, 0, "", true, 1.5, []byte{}, map[int]string{}, [2]int{}, [3]int{}, &inner{},
		struct{ A int }{}, struct{ A string }{}, struct {
			A int `json:"a"`
		}{}, struct{ B int }{}, struct{ A, B int }{}, *new(pointer),
	} {
		typ := reflect.TypeOf(v)
		found, err := shapeOf(typ)
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		again, err := shapeOf(typ)
		if err != nil || again != found || len(found.fingerprint) != 16 {
			t.Errorf("%s: %v, then %v, %v", typ, found, again, err)
		}
		if other, taken := prints[found.fingerprint]; taken && typ != reflect.TypeFor[struct{ A int }]() {
			t.Errorf("%s and %s have the same fingerprint", typ, other)
		}
		prints[found.fingerprint] = typ.String()
	}
}

func TestTypesThatCannotBeShared(t *testing.T) {
	for want, v := range map[string]any{
		"withInterface.Any":  withInterface{},
		"withError.Err":      withError{},
		"withFunc.Call":      withFunc{},
		"withChannel.Events": withChannel{},
		"withComplex.C":      withComplex{},
		"withHidden.hidden":  withHidden{hidden: 1},
		"withEmbedded.inner": withEmbedded{},
		"deep.Rows.Err":      deep{},
		"badKey.M":           badKey{},
		"jsonKey.M":          jsonKey{},
		"func":               func() {},
	} {
		_, err := shapeOf(reflect.TypeOf(v))
		if !errors.Is(err, ErrType) || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: %v, want ErrType naming %s", v, err, want)
		}
	}
}

// What a type writes of itself is what arrives, whichever receiver it has.
func TestRoundTrip(t *testing.T) {
	in := selfWritten{marshalsJSON{"secret"}}
	data, err := encode("t", "k", in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := decode[selfWritten]("t", "k", data)
	if err != nil || out != in {
		t.Errorf("%+v became %s, then %+v, %v", in, data, out, err)
	}
	if !equal(in, out) || equal(in, selfWritten{}) {
		t.Error("equal does not see what the type writes")
	}
}

// Types without the generated methods of those that they are made of.
type (
	appWithout     types.AppInstanceConfig
	portWithout    types.NetworkPortConfig
	loadWithout    types.DownloaderStatus
	networkWithout types.DeviceNetworkStatus
)

// TestGeneratedFingerprintsAreThoseOfReflection: builds with and without generated
// code must agree.
func TestGeneratedFingerprintsAreThoseOfReflection(t *testing.T) {
	for _, test := range []struct {
		generated string
		plain     reflect.Type
	}{
		{types.AppInstanceConfig{}.Fingerprint(), reflect.TypeFor[appWithout]()},
		{types.NetworkPortConfig{}.Fingerprint(), reflect.TypeFor[portWithout]()},
		{types.DownloaderStatus{}.Fingerprint(), reflect.TypeFor[loadWithout]()},
		{types.DeviceNetworkStatus{}.Fingerprint(), reflect.TypeFor[networkWithout]()},
	} {
		shape, err := shapeOf(test.plain)
		if err != nil || shape.fingerprint != test.generated {
			t.Errorf("%s: generated %s, by reflection %s, %v", test.plain, test.generated, shape.fingerprint, err)
		}
	}
}

module github.com/lf-edge/eve/pkg/pillar

go 1.26.0

require (
	github.com/evenkv/nkv v0.0.0
	github.com/sirupsen/logrus v1.10.2
)

require golang.org/x/sys v0.49.0 // indirect

replace github.com/evenkv/nkv => ../../../..

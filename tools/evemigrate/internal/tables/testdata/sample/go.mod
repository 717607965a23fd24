module example.com/sample

go 1.26

require (
	github.com/evenkv/nkv v0.0.0
	github.com/lf-edge/eve/pkg/pillar v0.0.0
)

replace (
	github.com/evenkv/nkv => ../own
	github.com/lf-edge/eve/pkg/pillar => ../library
)

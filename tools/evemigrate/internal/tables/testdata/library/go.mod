module github.com/lf-edge/eve/pkg/pillar

go 1.26

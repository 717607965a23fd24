module github.com/evenkv/nkv

go 1.26

package types

// CipherBlock carries credentials that only the device can decrypt.
//
//nkv:json
type CipherBlock struct {
	// CipherContextID names the cipher context that the block was made with.
	CipherContextID string
	// InitialValue is the initial value of the cipher.
	InitialValue []byte
	// CipherData is the encrypted content.
	CipherData []byte
	// ClearTextSHA256 is the SHA-256 of the decrypted content.
	ClearTextSHA256 []byte
}

// Package types has what the sample's agents share.
package types

// Reading is what a sensor has measured.
type Reading struct {
	Celsius float64
	Serial  uint64 // of the sensor; above 2^53 on purpose
}

// Package wanted makes a published table equal to a map: what differs is
// published, what is not in the map is unpublished, everything else is left
// alone, also what a former instance of the agent had published.
//
// The package must not know what the values mean.
//
// Start reading at Put and Prune.
package wanted

// Package pipeline is the domain and the functions of a recommendation pipeline: lister lists an upload's files into a stream, ingest makes items of them,
// segmenter groups the items, metadata writes each segment's figures, manifest publishes them, sweeper sees to it that no run stands still.
//
// A run is one upload's way through. A file is an object in the source bucket, a chunk many of them in one record of a stream. What a file becomes are items;
// a file that can be none is a failure, with its reason. A segment is the items that share an attribute's value, its metadata their figures, and the manifest
// what readers read.
//
// Everything may happen twice, and any function may die at any moment. So each chunk and each segment leaves a marker, in one transaction with the run's
// counters; the lister's checkpoint is conditional on the one before; a stage begins by a conditional change of the run's state.
package pipeline

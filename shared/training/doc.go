// Package training is what plan-training and train-sku compute: the sample of series that
// makes up the pool, and the forecasts of one unit. It reads through the blob store and
// writes nothing.
//
// One bad series never fails a unit: what goes wrong in its numbers becomes a recorded
// fallback or rejection. Errors are those of storage (transient) and of messages and files
// that contradict the manifest (permanent).
package training

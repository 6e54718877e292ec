// Package permission judges API calls as IAM does, without AWS and without an emulator of it.
//
// Needs tells by which actions, on which resources, AWS judges a call. Evaluate decides one such action by the policies
// of the caller and of the resource. Usage counts which of the granted actions were ever needed.
package permission

// Package semanticmonitor puts probes into a system at the top, and sees whether they come out at the end in time. Each probe is counted as sent, then
// as arrived or as late; a late one is watched on until it comes or counts as lost. The rules are pure; the calls around them are thin.
package semanticmonitor

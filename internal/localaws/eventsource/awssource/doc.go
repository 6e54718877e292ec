// Package awssource lets pollers read sources of AWS, invoke functions there and report to destinations there.
package awssource

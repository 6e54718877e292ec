// Package eventsource polls queues and streams for functions, as Lambda's event source mappings do.
//
// QueuePoller serves an SQS queue and StreamPoller a Kinesis or DynamoDB stream. Both know their source, the function and the
// time by small interfaces only. MemoryQueue and MemoryStream are sources without AWS, so that a test can drive a handler
// under everything that a mapping does to it; in a bubble of testing/synctest no time passes for it.
//
// Comments name the section of the AWS Lambda Developer Guide that a rule comes from. Where AWS documents that there is a
// back-off and not how long it is, the comment says that the figure is ours.
package eventsource

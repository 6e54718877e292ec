package localaws

import (
	"bytes"
	"net/http"
)

// lingers are the operations that a queue may still answer while it is being deleted (SQS API Reference, DeleteQueue: requests in
// these 60 s might succeed).
var lingers = map[string]bool{"GetQueueUrl": true, "GetQueueAttributes": true, "ListQueueTags": true}

// lingering is an answer of a queue that lives no longer, to two of three calls: what it said last to the same request.
func (w *Weather) lingering(c *Call) *Answer {
	if c.Service != "sqs" || !lingers[c.Operation] || !w.recent(event{"deleted", "sqs", c.Resource}, w.conditions.QueueDying) {
		return nil
	}
	body, ok := w.answers[answered(c)]
	key := "dying " + c.Operation + " " + c.Resource
	n := w.calls[key]
	w.calls[key]++
	if !ok || n%3 == 2 {
		return nil
	}
	w.hits[QueueDying]++
	return &Answer{Kind: "weather: " + string(QueueDying), Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: body}
}

// answered is what a queue's answer is remembered by. Its URL goes by its name alone.
func answered(c *Call) string {
	if c.Operation == "GetQueueUrl" || c.Operation == "CreateQueue" {
		return "GetQueueUrl " + c.Resource
	}
	return c.Operation + " " + c.Resource + " " + string(c.body)
}

// remember keeps the last answers of a queue. That to CreateQueue is the queue's URL, too.
func (w *Weather) remember(c *Call, resp *http.Response) {
	if w.conditions.QueueDying <= 0 || c.Service != "sqs" || !lingers[c.Operation] && c.Operation != "CreateQueue" {
		return
	}
	body, err := readAnswer(resp)
	if err != nil {
		return // the caller will meet the same error
	}
	w.answers[answered(c)] = bytes.Clone(body)
}

package localaws

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
)

// show lets an answer say what AWS would still say.
func (w *Weather) show(c *Call, resp *http.Response) {
	switch c.Service + " " + c.Operation {
	case "lambda CreateFunction", "lambda UpdateFunctionConfiguration", "lambda GetFunctionConfiguration", "lambda UpdateFunctionCode":
		w.rewrite(c, resp, func(tree map[string]any) Hardship { return w.configuration(tree) })
	case "lambda GetFunction":
		w.rewrite(c, resp, func(tree map[string]any) Hardship {
			configuration, _ := tree["Configuration"].(map[string]any)
			return w.configuration(configuration)
		})
	case "lambda CreateEventSourceMapping":
		w.rewrite(c, resp, func(tree map[string]any) Hardship {
			w.events[event{"made", "mapping", textIn(tree, "UUID")}] = w.conditions.Now()
			return ""
		})
	case "lambda ListEventSourceMappings":
		w.rewrite(c, resp, func(tree map[string]any) Hardship {
			return w.without(tree, "EventSourceMappings", MappingUnlisted, func(item any) event { return event{"made", "mapping", member(item, "UUID")} })
		})
	case "logs DescribeLogGroups":
		w.rewrite(c, resp, func(tree map[string]any) Hardship {
			return w.without(tree, "logGroups", LogGroupUnlisted, func(item any) event { return event{"made", "logs", member(item, "logGroupName")} })
		})
	case "sqs ListQueues":
		w.rewrite(c, resp, func(tree map[string]any) Hardship {
			return w.without(tree, "QueueUrls", QueueUnlisted, func(item any) event {
				url, _ := textOf(item)
				return event{"made", "sqs", shortName(url)}
			})
		})
	case "kinesis DescribeStreamSummary":
		w.rewrite(c, resp, w.stream)
	case "dynamodb CreateTable", "dynamodb UpdateTable":
		w.rewrite(c, resp, func(tree map[string]any) Hardship { return w.table(tree, "TableDescription") })
	case "dynamodb DescribeTable":
		w.rewrite(c, resp, func(tree map[string]any) Hardship { return w.table(tree, "Table") })
	}
}

// stream shows a stream as CREATING or UPDATING.
func (w *Weather) stream(tree map[string]any) Hardship {
	description, _ := tree["StreamDescriptionSummary"].(map[string]any)
	name := textIn(description, "StreamName")
	switch {
	case w.recent(event{"made", "kinesis", name}, w.conditions.StreamBusy):
		description["StreamStatus"] = "CREATING"
	case w.recent(event{"changed", "kinesis", name}, w.conditions.StreamBusy):
		description["StreamStatus"] = "UPDATING"
	default:
		return ""
	}
	return StreamSettling
}

func member(item any, name string) string {
	tree, _ := item.(map[string]any)
	return textIn(tree, name)
}

// configuration shows a function as Pending or being updated, and remembers its role.
func (w *Weather) configuration(tree map[string]any) Hardship {
	name := textIn(tree, "FunctionName")
	if name == "" {
		return ""
	}
	w.roles[name] = textIn(tree, "Role")
	if w.recent(event{"made", "lambda", name}, w.conditions.FunctionBusy) {
		tree["State"], tree["StateReasonCode"], tree["StateReason"] = "Pending", "Creating", "The function is being created."
		return FunctionSettling
	}
	if version := textIn(tree, "Version"); (version == "" || version == "$LATEST") && w.recent(event{"changed", "lambda", name}, w.conditions.FunctionBusy) {
		tree["LastUpdateStatus"], tree["LastUpdateStatusReasonCode"], tree["LastUpdateStatusReason"] = "InProgress", "Creating", "The function is being created."
		return FunctionSettling
	}
	return ""
}

// table shows a table as CREATING or UPDATING.
func (w *Weather) table(tree map[string]any, within string) Hardship {
	description, _ := tree[within].(map[string]any)
	name := textIn(description, "TableName")
	if w.recent(event{"made", "dynamodb", name}, w.conditions.TableBusy) {
		description["TableStatus"] = "CREATING"
		return TableSettling
	}
	if w.recent(event{"changed", "dynamodb", name}, w.conditions.TableBusy) {
		description["TableStatus"] = "UPDATING"
		return TableSettling
	}
	return ""
}

// without takes out of a list what was made a moment ago.
func (w *Weather) without(tree map[string]any, list string, h Hardship, of func(any) event) Hardship {
	items, _ := tree[list].([]any)
	kept := slices.DeleteFunc(slices.Clone(items), func(item any) bool { return w.recent(of(item), w.conditions.ListLag) })
	if len(kept) == len(items) {
		return ""
	}
	tree[list] = kept
	return h
}

// rewrite changes an answer in JSON where a hardship says so.
func (w *Weather) rewrite(c *Call, resp *http.Response, change func(map[string]any) Hardship) {
	body, err := readAnswer(resp)
	if err != nil {
		return // the caller will meet the same error
	}
	tree, err := members(body, decodeAnyJSON)
	if err != nil {
		return
	}
	hardship := change(tree)
	if hardship == "" {
		return
	}
	w.hits[hardship]++
	c.Injected = "weather: " + string(hardship)
	body, err = json.Marshal(tree)
	if err != nil {
		panic(err) // it was decoded from JSON
	}
	setAnswer(resp, body)
}

// readAnswer reads the whole body of an answer, and leaves it to be read again.
func readAnswer(resp *http.Response) ([]byte, error) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = readCloser{bytes.NewReader(body), resp.Body}
	return body, nil
}

// setAnswer gives an answer another body.
func setAnswer(resp *http.Response, body []byte) {
	resp.Body = readCloser{bytes.NewReader(body), resp.Body}
	resp.ContentLength = int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	resp.Header.Del("X-Amz-Crc32") // of the former body
}

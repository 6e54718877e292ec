package localaws

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"strings"

	"github.com/aws/smithy-go/encoding/cbor"
)

// maxErrorBody is how much of an error's body the gate reads to find its code, in bytes; AWS's are far shorter.
const maxErrorBody = 64 << 10

// apiError is an error as AWS would write it.
type apiError struct {
	code, message string
	status        int
}

// answerError writes an error in the protocol of the call that it answers, so that the SDK makes its own typed error of it.
// The code may be the error's name in the reference or its code on the wire; a status of 0 means the model's, else 400. The
// answer to a HEAD has no body, so of an S3 error its caller sees the status only, as with AWS.
func answerError(models *Models, c *Call, e apiError) *Answer {
	name, wire := e.code, e.code // on the wire the older services use another code than the shape's name
	var model *ServiceModel
	if m, err := models.Service(c.Service); err == nil {
		model = m
		if shapeName, shape := m.exception(e.code); shape != nil {
			name, wire = shapeName, shapeName
			if shape.Error != nil {
				wire = cmp.Or(shape.Error.Code, shapeName)
				e.status = cmp.Or(e.status, shape.Error.HTTPStatusCode)
			}
		}
	}
	if c.Service == "sqs" {
		name, wire = sqsCodes(e.code)
	}
	e.status = cmp.Or(e.status, http.StatusBadRequest)
	e.message = cmp.Or(e.message, "injected by the gate")
	answer := &Answer{Code: name, Status: e.status, Header: http.Header{}}
	id := rand.Text()
	answer.Header.Set("X-Amzn-Requestid", id)
	queryError := func() {
		if model != nil && model.Metadata.QueryCompatible != nil {
			answer.Header.Set("X-Amzn-Query-Error", wire+";"+faultOf(e.status))
		}
	}
	switch c.protocol {
	case protocolQuery:
		answer.Code = wire
		answer.xml(queryErrorXML{
			Namespace: xmlNamespace(model), Type: faultOf(e.status), Code: wire, Message: e.message, RequestID: id,
		})
	case protocolRESTXML:
		answer.Code = wire
		if c.Service != "s3" { // S3 alone has no element around its errors
			answer.xml(queryErrorXML{
				Namespace: xmlNamespace(model), Type: faultOf(e.status), Code: wire, Message: e.message, RequestID: id,
			})
			break
		}
		answer.Header.Set("X-Amz-Request-Id", id)
		answer.xml(s3ErrorXML{Code: wire, Message: e.message, Resource: c.Path, RequestID: id})
	case protocolCBOR:
		queryError()
		answer.Header.Set("Content-Type", "application/cbor")
		answer.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
		// As for JSON below, message is written both ways.
		answer.Body = cbor.Encode(cbor.Map{
			"__type": cbor.String(name), "message": cbor.String(e.message), "Message": cbor.String(e.message),
		})
	default:
		queryError()
		answer.Header.Set("X-Amzn-Errortype", name)
		answer.Header.Set("Content-Type", "application/x-amz-json-1.1")
		if c.protocol != protocolJSON {
			answer.Header.Set("Content-Type", "application/json")
		}
		// Models differ in whether the member is message or Message.
		body, err := json.Marshal(map[string]string{"__type": name, "message": e.message, "Message": e.message})
		if err != nil {
			panic(err) // strings always encode
		}
		answer.Body = body
	}
	return answer
}

// sqsOldCodes are the codes that SQS sends beside the names of its errors, for clients of the protocol that it had before.
// Botocore's model does not have them; they are aws-sdk-go's, version 1 (service/sqs/errors.go), where they differ from the names.
var sqsOldCodes = map[string]string{
	"AccessDeniedException":        "AccessDenied",
	"BatchEntryIdsNotDistinct":     "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
	"BatchRequestTooLong":          "AWS.SimpleQueueService.BatchRequestTooLong",
	"EmptyBatchRequest":            "AWS.SimpleQueueService.EmptyBatchRequest",
	"InvalidBatchEntryId":          "AWS.SimpleQueueService.InvalidBatchEntryId",
	"MessageNotInflight":           "AWS.SimpleQueueService.MessageNotInflight",
	"PurgeQueueInProgress":         "AWS.SimpleQueueService.PurgeQueueInProgress",
	"QueueDeletedRecently":         "AWS.SimpleQueueService.QueueDeletedRecently",
	"QueueDoesNotExist":            "AWS.SimpleQueueService.NonExistentQueue",
	"QueueNameExists":              "QueueAlreadyExists",
	"TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
	"UnsupportedOperation":         "AWS.SimpleQueueService.UnsupportedOperation",
}

// sqsCodes gives an SQS error's name and its old code, by either of them.
func sqsCodes(code string) (name, old string) {
	for name, old := range sqsOldCodes {
		if code == name || code == old {
			return name, old
		}
	}
	return code, code
}

type queryErrorXML struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr,omitempty"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

type s3ErrorXML struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string   `xml:"Code"`
	Message   string   `xml:"Message"`
	Resource  string   `xml:"Resource"`
	RequestID string   `xml:"RequestId"`
}

func (a *Answer) xml(body any) {
	encoded, err := xml.Marshal(body)
	if err != nil {
		panic(err) // the two types above always encode
	}
	a.Body = append([]byte(xml.Header), encoded...)
	a.Header.Set("Content-Type", "text/xml")
}

func xmlNamespace(model *ServiceModel) string {
	if model == nil {
		return ""
	}
	return model.Metadata.XMLNamespace
}

func faultOf(status int) string {
	if status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

// errorCodeOf reads AWS's error code from an answer, whose body stays readable; empty where the answer is no error.
func errorCodeOf(p protocol, resp *http.Response) (string, error) {
	if resp.StatusCode < http.StatusBadRequest {
		return "", nil
	}
	if p == protocolHTTP {
		return "", nil // a function's own answer
	}
	if code := resp.Header.Get("X-Amzn-Errortype"); code != "" {
		return sanitizeCode(code), nil
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return "", err
	}
	resp.Body = readCloser{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	var code string
	switch p {
	case protocolQuery, protocolRESTXML:
		var body struct {
			Code  string `xml:"Code"`
			Inner string `xml:"Error>Code"`
		}
		if xml.Unmarshal(head, &body) == nil {
			code = cmp.Or(body.Code, body.Inner)
		}
	case protocolCBOR:
		code, _ = decodeCBOR(head)["__type"].(string)
	default:
		members := decodeJSON(head)
		code, _ = members["__type"].(string)
		if code == "" {
			code, _ = members["code"].(string)
		}
	}
	return cmp.Or(sanitizeCode(code), http.StatusText(resp.StatusCode)), nil
}

// sanitizeCode reduces "com.amazonaws.sqs#QueueDoesNotExist" and "Name:http://..." to the name, as the SDKs do.
func sanitizeCode(code string) string {
	code, _, _ = strings.Cut(code, ":")
	return code[strings.LastIndex(code, "#")+1:]
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // what SQS answers with
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// stage is a bootstrap at work, with everything that it sees of AWS played in this
// process: the Lambda Runtime API (Lambda Developer Guide, "Using the Lambda
// runtime API for custom runtimes"), and DynamoDB, SQS and SSM, which answer at
// once. Every vote is the first of its voter.
type stage struct {
	// aws answers one call, with a status where it is an error; nil for a call that
	// nobody here should make.
	aws    func(r *http.Request, body []byte) (answer []byte, status int)
	cmd    *exec.Cmd
	server *http.Server
	output bytes.Buffer
	began  time.Time
	asked  chan time.Time // When it first asked for work.

	next    chan []byte // An event.
	answers chan []byte // What the handler said to it.
	// ballots and messages are how many were written and sent.
	ballots, messages atomic.Int64
}

// play starts a bootstrap with what a voting window's functions see of AWS.
func play(ctx context.Context, binary string, env []string) (*stage, error) {
	s := &stage{}
	s.aws = func(r *http.Request, body []byte) ([]byte, int) {
		return s.votingWindow(r.Header.Get("X-Amz-Target"), body), 0
	}
	return s, s.start(ctx, binary, env)
}

// start starts a bootstrap.
func (s *stage) start(ctx context.Context, binary string, env []string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.asked, s.next, s.answers = make(chan time.Time, 1), make(chan []byte), make(chan []byte)
	s.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(s.serve)}
	go s.server.Serve(listener) //nolint:errcheck // it ends with Close
	address := listener.Addr().String()
	s.cmd = exec.CommandContext(ctx, binary)
	s.cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + address, "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_ENDPOINT_URL=http://" + address, "AWS_LAMBDA_FUNCTION_NAME=bench", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
	}, env...)
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.began = time.Now()
	if err := s.cmd.Start(); err != nil {
		return errors.Join(err, s.server.Close())
	}
	return nil
}

// end stops the bootstrap.
func (s *stage) end() {
	s.cmd.Process.Kill() //nolint:errcheck,gosec // it may be gone already
	s.cmd.Wait()         //nolint:errcheck,gosec // killed
	s.server.Close()     //nolint:errcheck,gosec // nothing is served any more
}

// ready waits until the bootstrap asks for work, and returns the seconds that it took.
func (s *stage) ready() (float64, error) {
	select {
	case at := <-s.asked:
		return at.Sub(s.began).Seconds(), nil
	case <-time.After(10 * time.Second):
		s.end()
		return 0, errors.New("it never asked for work: " + s.output.String())
	}
}

// invoke hands over one event and returns the answer.
func (s *stage) invoke(event []byte) ([]byte, error) {
	deadline := time.After(time.Minute)
	select {
	case s.next <- event:
	case <-deadline:
		return nil, errors.New("it does not ask for work: " + s.tail())
	}
	select {
	case answer := <-s.answers:
		return answer, nil
	case <-deadline:
		return nil, errors.New("it does not answer: " + s.tail())
	}
}

// tail is the end of what the bootstrap wrote; it is dead by then.
func (s *stage) tail() string {
	s.end()
	text := s.output.String()
	return text[max(0, len(text)-2000):]
}

func (s *stage) serve(w http.ResponseWriter, r *http.Request) {
	const runtimeAPI = "/2018-06-01/runtime/invocation/"
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // Who calls is gone.
	}
	switch path := r.URL.Path; {
	case path == runtimeAPI+"next":
		select {
		case s.asked <- time.Now():
		default:
		}
		select {
		case event := <-s.next:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000000")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+region+":123456789012:function:bench")
			w.Write(event) //nolint:errcheck,gosec // who asks sees what is missing
		case <-r.Context().Done():
		}
	case strings.HasPrefix(path, runtimeAPI):
		w.WriteHeader(http.StatusAccepted)
		select {
		case s.answers <- append([]byte(path[len(path)-len("response"):]+" "), body...):
		case <-r.Context().Done():
		}
	default:
		answer, status := s.aws(r, body)
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		if answer == nil {
			w.WriteHeader(http.StatusNotImplemented)
			return
		}
		w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer)), 10))
		w.WriteHeader(cmp.Or(status, http.StatusOK))
		w.Write(answer) //nolint:errcheck,gosec // who asks sees what is missing
	}
}

// votingWindow is AWS as a voting window's functions see it: it answers one call, nil
// for one that they do not make.
func (s *stage) votingWindow(target string, body []byte) []byte {
	var said struct {
		TableName   string
		MessageBody string
		Statements  []struct{ Statement string }

		TotalSegments, Limit int
		ExclusiveStartKey    map[string]struct{ S string }
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return nil
	}
	switch target {
	case "AmazonSSM.GetParameter": // What a function reads as it starts; AWS takes some milliseconds more.
		return []byte(`{"Parameter":{"Value":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}}`)
	case "AmazonSQS.SendMessage":
		s.messages.Add(1)
		sum := md5.Sum([]byte(said.MessageBody)) //nolint:gosec // no secret
		return fmt.Appendf(nil, `{"MD5OfMessageBody":%q,"MessageId":"00000000-0000-4000-8000-%012d"}`, hex.EncodeToString(sum[:]), s.messages.Load())
	case "DynamoDB_20120810.PutItem":
		if said.TableName == "ballots" {
			s.ballots.Add(1)
		}
		return []byte(`{}`)
	case "DynamoDB_20120810.UpdateItem", "DynamoDB_20120810.GetItem":
		return []byte(`{}`)
	case "DynamoDB_20120810.Scan":
		if said.TableName != "ballots" {
			return []byte(`{"Items":[]}`)
		}
		return ballotsScanned(said.TotalSegments, said.Limit, said.ExclusiveStartKey[votingwindow.BallotsKey].S)
	case "DynamoDB_20120810.BatchExecuteStatement":
		s.ballots.Add(int64(len(said.Statements)))
		return []byte(`{"Responses":[` + strings.TrimSuffix(strings.Repeat(`{"TableName":"ballots"},`, len(said.Statements)), ",") + `]}`)
	}
	return nil
}

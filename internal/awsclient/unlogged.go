package awsclient

import smithy "github.com/aws/smithy-go/middleware"

// requestLogger is the middleware by which aws-sdk-go-base writes requests and
// answers to Terraform's log, with what is in them.
const requestLogger = "TF_AWS_RequestResponseLogger"

// Unlogged is for a call that carries a secret: it keeps request and answer out
// of Terraform's log. It is given among the APIOptions of that call.
func Unlogged(stack *smithy.Stack) error {
	if _, logs := stack.Deserialize.Get(requestLogger); !logs {
		return nil
	}
	_, err := stack.Deserialize.Remove(requestLogger)
	return err
}

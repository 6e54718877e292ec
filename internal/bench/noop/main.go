// Command noop is the least that a Go function can be: what cold starts are
// compared with.
package main

import "github.com/aws/aws-lambda-go/lambda"

func main() {
	lambda.Start(func() error { return nil })
}

// Package localaws starts a local AWS for tests, the demo and the bench, and puts one reverse proxy, the gate, before it.
//
// The local AWS is MiniStack, one Python process in a venv that `make venv` creates. Nothing talks to it directly: the
// provider, Terraform, the functions and the pages all go through the gate, which knows each call's service, operation,
// caller and resource. What is done with that knowledge is a chain of rules, one file each: the proof judges calls by IAM's
// rules, the meter counts them, the check holds them against AWS's own models, the faults break them, and the weather lets
// them meet what a real AWS has in store. Beside them the mappings poll
// for the event source mappings, through the gate like everybody else.
//
// A request that AWS would refuse is a violation: it is refused as AWS does it, and fails the run (Gate.Verdict), whatever its
// caller made of the answer. A test that sends one on purpose expects it (Gate.Expect).
//
//	aws, err := localaws.Start(ctx, localaws.Options{})
//	defer aws.Close()
//	queues := sqs.NewFromConfig(aws.Config("us-east-1", "test"))
//	mark := aws.Gate().Meter().Mark()
//	...
//	aws.Gate().Meter().Since(mark).Total()
//
// The root user of an account, which the key "test" and any account number stand for, may do everything. Users and roles
// may do what their policies say, functions and schedules what their roles may, anybody what a resource's policy
// lets them: see Proof, and the package permission.
//
// With SERVERLESS_TEST_ENDPOINT set no MiniStack is started, and the gate forwards to that endpoint.
package localaws

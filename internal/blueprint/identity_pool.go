package blueprint

// IdentityPoolSpec is the spec of a Cognito identity pool that knows nobody: it
// gives identities, and with them credentials, to everybody.
type IdentityPoolSpec struct {
	Unauthenticated bool `json:"unauthenticated_identities"`
	// ClassicFlow is false: it would lift what Cognito takes from guests' rights.
	ClassicFlow bool `json:"classic_flow"`
}

// Kind implements Spec.
func (IdentityPoolSpec) Kind() string { return "identity_pool" }

// IdentityPoolRoleSpec is the spec of the role that an identity pool gives to
// identities without a login.
type IdentityPoolRoleSpec struct {
	Pool            string `json:"identity_pool"`
	Unauthenticated string `json:"unauthenticated_role"`
}

// Kind implements Spec.
func (IdentityPoolRoleSpec) Kind() string { return "identity_pool_role" }

// IdentityPoolHandle refers to an identity pool.
type IdentityPoolHandle struct {
	Handle
	role RoleHandle
}

// cognito is the principal under which an identity pool's identities take on
// their role.
const cognito = "cognito-identity.amazonaws.com"

// IdentityPool describes an identity pool whose identities, which anybody gets
// without a login, may do what the grants say, and nothing else.
func (b *Builder) IdentityPool(key string, grants ...[]Grant) IdentityPoolHandle {
	h := IdentityPoolHandle{Handle: b.add(key, b.name(key), IdentityPoolSpec{Unauthenticated: true})}
	h.role = b.roleOf(key+"-role", "What identities of the pool "+key+" of "+b.settings.System.Name+" "+b.settings.Name+" may do",
		// Cognito Developer Guide, "IAM roles", role trust and permissions.
		Statement{
			Effect: "Allow", Principal: map[string][]string{"Federated": {cognito}}, Action: []string{"sts:AssumeRoleWithWebIdentity"},
			Condition: Condition{
				"StringEquals":           {cognito + ":aud": {h.ID()}},
				"ForAnyValue:StringLike": {cognito + ":amr": {"unauthenticated"}},
			},
		}, joined(grants))
	b.add(key+"-guests", h.Name(), IdentityPoolRoleSpec{Pool: h.ID(), Unauthenticated: h.role.ARN()}, key, h.role.Key())
	return h
}

// guestServices are the services, and actions, that Cognito leaves to identities
// without a login in the enhanced flow, of those that systems' grants name
// (Cognito Developer Guide, "IAM roles", services that guests can access).
var guestServices = []string{
	"cloudwatch:", "dynamodb:", "execute-api:", "firehose:", "kinesis:", "lambda:", "logs:", "s3:", "ses:", "sns:", "sqs:",
	"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey",
}

// ID returns a reference to the pool's id, "eu-central-1:...".
func (i IdentityPoolHandle) ID() string { return Ref(i.Key(), "id") }

// ARN returns the pool's ARN.
func (i IdentityPoolHandle) ARN() string { return arn("cognito-identity", "identitypool/"+i.ID()) }

// Answers are n answers of the pool to the Internet of so many bytes, headers
// included.
func (i IdentityPoolHandle) Answers(n, bytes float64) []Operation { return i.does(SendOut, n, bytes) }

// Identities are n identities that visitors get, each with credentials once.
func (i IdentityPoolHandle) Identities(n float64) []Operation {
	return append(i.does(GetID, n, 0), i.does(GetCredentials, n, 0)...)
}

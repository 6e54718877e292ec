package provider_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// signs asks as a user of IAM: a signature lets in, and the API knows whose it is; one
// by a secret that is not the key's does not.
func (p *agency) signs() {
	p.t.Helper()
	users := iam.NewFromConfig(p.a.aws(home))
	name := aws.String("reader")
	must[*iam.CreateUserOutput](p.t)(users.CreateUser(p.t.Context(), &iam.CreateUserInput{UserName: name}))
	must[*iam.PutUserPolicyOutput](p.t)(users.PutUserPolicy(p.t.Context(), &iam.PutUserPolicyInput{
		UserName: name, PolicyName: name, PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]}`),
	}))
	key := must[*iam.CreateAccessKeyOutput](p.t)(users.CreateAccessKey(p.t.Context(), &iam.CreateAccessKeyInput{UserName: name})).AccessKey
	answered := func(secret string) string {
		r, body := p.query("{viewer{name mayWrite}}", text(p.t, p.state, "api_url"))
		sum := sha256.Sum256(body)
		// API Gateway goes by the service execute-api (API Gateway Developer Guide, "Control
		// access to HTTP APIs with IAM authorization").
		err := v4.NewSigner().SignHTTP(p.t.Context(), aws.Credentials{AccessKeyID: *key.AccessKeyId, SecretAccessKey: secret}, r, hex.EncodeToString(sum[:]), "execute-api", home, time.Now())
		if err != nil {
			p.t.Fatal(err)
		}
		status, answer := p.sends(r)
		return fmt.Sprint(status, " ", answer)
	}
	equal(p.t, "who asks by signature", answered(*key.SecretAccessKey), `200 {"data":{"viewer":{"name":"arn:aws:iam::`+string(p.a)+`:user/reader","mayWrite":true}}}`)
	if got := answered("another secret"); !strings.HasPrefix(got, "403 ") {
		p.t.Errorf("with another secret the API answers %s", got)
	}
	must[*iam.DeleteAccessKeyOutput](p.t)(users.DeleteAccessKey(p.t.Context(), &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: key.AccessKeyId}))
	must[*iam.DeleteUserPolicyOutput](p.t)(users.DeleteUserPolicy(p.t.Context(), &iam.DeleteUserPolicyInput{UserName: name, PolicyName: name}))
	must[*iam.DeleteUserOutput](p.t)(users.DeleteUser(p.t.Context(), &iam.DeleteUserInput{UserName: name}))
}

package status

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/session"
)

// Published is the public object beside a page with which browsers read a status table themselves.
type Published struct {
	session.Published
	Table    string `json:"table"`
	Shards   int    `json:"shards"` // How many say the same of a subject.
	Region   string `json:"region"`
	Endpoint string `json:"endpoint,omitempty"` // Of DynamoDB, where it is not AWS's own.
}

// Readers are browsers that read a status table by sessions of one role.
type Readers struct {
	Object    string // The key of the public object.
	Name      string // Of the sessions, as AWS's logs show them.
	RoleARN   string
	Table     string
	TableARN  string
	Shards    int
	KMSKeyARN string // Of the table; empty where it has none of the customer's.
}

// Sessions are what the object has: each may read the table's items, and nothing else.
func (r Readers) Sessions(cfg aws.Config) *session.Publication {
	return &session.Publication{
		Object: r.Object,
		Issuer: &session.Role{AWS: cfg, ARN: r.RoleARN, Name: r.Name, Allow: append(session.Using(r.KMSKeyARN, "kms:Decrypt"), Readable(r.TableARN))},
		Describe: func(p session.Published) any {
			return Published{Published: p, Table: r.Table, Shards: r.Shards, Region: cfg.Region, Endpoint: aws.ToString(cfg.BaseEndpoint)}
		},
	}
}

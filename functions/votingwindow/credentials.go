package votingwindow

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/session"
	"github.com/burstline/terraform-provider-serverless/functions/internal/status"
)

const (
	// CredentialsObject is the public object beside the page with which voters send their votes to the queue themselves.
	CredentialsObject = "credentials.json"
	// ViewersObject is the public object beside the page with which viewers read the results from the status table themselves.
	ViewersObject = "viewers.json"

	// credentialsLead before the opening sessions begin, so that the page has credentials in hand when it opens.
	credentialsLead = 30 * time.Minute
	// ViewersStay is for how long viewers have credentials after the grace: figures are final some minutes later, and 18 where queues are slow to
	// empty.
	ViewersStay = 30 * time.Minute
)

// CredentialsConfig is the configuration of credentials.
type CredentialsConfig struct {
	Base
	Window
	TalliesTable  string `env:"TALLIES_TABLE,required,notEmpty"` // For the closing time in force.
	VoterRoleARN  string `env:"VOTER_ROLE_ARN,required,notEmpty"`
	VoterRoleID   string `env:"VOTER_ROLE_ID"` // Changes where the role is made anew, whose former sessions are none: so environments begin anew.
	QueueURL      string `env:"QUEUE_URL,required,notEmpty"`
	QueueARN      string `env:"QUEUE_ARN,required,notEmpty"`
	ResultsBucket string `env:"RESULTS_BUCKET,required,notEmpty"` // Where the page is.
	KMSKeyARN     string `env:"KMS_KEY_ARN"`                      // Of the queue; empty where it has none of the customer's.
}

// ViewersConfig is the configuration of viewers.
type ViewersConfig struct {
	Base
	Window
	TalliesTable   string `env:"TALLIES_TABLE,required,notEmpty"` // For the closing time in force.
	ViewerRoleARN  string `env:"VIEWER_ROLE_ARN,required,notEmpty"`
	ViewerRoleID   string `env:"VIEWER_ROLE_ID"` // As VoterRoleID.
	StatusTable    string `env:"STATUS_TABLE,required,notEmpty"`
	StatusTableARN string `env:"STATUS_TABLE_ARN,required,notEmpty"`
	ResultsBucket  string `env:"RESULTS_BUCKET,required,notEmpty"` // Where the page is.
	KMSKeyARN      string `env:"KMS_KEY_ARN"`                      // Of the status table; empty where it has none of the customer's.
}

// PublishedCredentials is credentials.json.
type PublishedCredentials struct {
	session.Published
	QueueURL string `json:"queue_url"`
	Region   string `json:"region"`
	Endpoint string `json:"endpoint,omitempty"` // Of SQS, where it is not AWS's own.
}

// PublishedViewers is viewers.json.
type PublishedViewers = status.Published

// Credentials publishes short-lived credentials beside the page: for voters, who put messages on the one queue and can do nothing else, or
// for viewers, who read the status table and nothing else. A tick comes each minute, and each session lasts an hour and is renewed after twenty
// minutes. From credentialsLead before the opening to the end of the grace, and Stays longer, there is an object; at all other times there is none.
type Credentials struct {
	InForce     *Clocked
	Publication *session.Publication
	Stays       time.Duration
}

// What credentials did.
const (
	CredentialsIssued = session.Issued
	CredentialsKept   = session.Kept
)

// CredentialsAnswer is the function's answer. It holds no secret.
type CredentialsAnswer = session.Answer

// Handle is one tick. With the event `{"revoke":true}` it first refuses all credentials that were issued before.
func (c *Credentials) Handle(ctx context.Context, event json.RawMessage) (CredentialsAnswer, error) {
	return c.Publication.Handle(ctx, event, c.due)
}

// due says whether there should be credentials now. Before their time the closing time in force does not matter, and is not read.
func (c *Credentials) due(ctx context.Context) (bool, error) {
	now := c.Publication.Clock.Now()
	if now.Before(c.InForce.Window.OpensAt.Add(-credentialsLead)) {
		return false, nil
	}
	window, err := c.InForce.InForce(ctx)
	return err == nil && now.Before(window.graceEnds().Add(c.Stays)), err
}

// VoterSessions are what credentials.json has: sessions of the voters' role that may send to the queue.
func VoterSessions(cfg aws.Config, c CredentialsConfig) *session.Publication {
	return &session.Publication{
		Object: CredentialsObject,
		Issuer: &session.Role{AWS: cfg, ARN: c.VoterRoleARN, Name: "voters", Allow: append(
			session.Using(c.KMSKeyARN, "kms:GenerateDataKey", "kms:Decrypt"),
			session.Statement{Effect: "Allow", Action: "sqs:SendMessage", Resource: c.QueueARN},
		)},
		Describe: func(p session.Published) any {
			return PublishedCredentials{Published: p, QueueURL: c.QueueURL, Region: cfg.Region, Endpoint: aws.ToString(cfg.BaseEndpoint)}
		},
	}
}

// ViewerSessions are what viewers.json has: sessions of the viewers' role that may read the status table's items.
func ViewerSessions(cfg aws.Config, c ViewersConfig) *session.Publication {
	return status.Readers{
		Object: ViewersObject, Name: "viewers", RoleARN: c.ViewerRoleARN, Table: c.StatusTable, TableARN: c.StatusTableARN, Shards: StatusShards, KMSKeyARN: c.KMSKeyARN,
	}.Sessions(cfg)
}

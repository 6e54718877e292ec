package blueprint

import (
	"slices"
	"strings"
)

// Table says what a DynamoDB table should be: with keys of type
// string, and on demand where it has no Capacity.
type Table struct {
	// Key is the partition key's attribute name.
	Key string
	// Sort is the sort key's; empty for none. It is a string, too.
	Sort string
	// Stream is what the table's stream says of a changed item: NewImages or
	// another of the view types; empty for no stream.
	Stream string
	// Data marks a table whose items are the user's data and cannot be derived
	// again: it is protected from deletion and backed up continuously.
	Data bool
	// TTL is the attribute with the time, in seconds since 1970, from which on
	// DynamoDB deletes an item; empty for none.
	TTL string
	// Capacity makes the table provisioned; nil for on demand.
	Capacity *Capacity
	// Warm is what the table carries at once, without growing first; zero leaves
	// it to AWS. AWS raises it by itself and never lowers it.
	Warm Throughput
	// Maximum bounds what an on-demand table takes, and so what it costs; zero
	// for no bound.
	Maximum Throughput
}

// Throughput is in capacity units, which are units a second.
type Throughput struct{ Reads, Writes int }

// Capacity is what a provisioned table has.
type Capacity struct {
	Throughput
	// Scaled leaves the capacity to a function that changes it at run time; it is
	// then what the table begins with.
	Scaled bool
}

// Billing modes (DynamoDB API Reference, BillingModeSummary).
const (
	OnDemand    = "PAY_PER_REQUEST"
	Provisioned = "PROVISIONED"
)

// What a stream says of a changed item: its key, what it is now, what it was, or
// both (DynamoDB API Reference, StreamSpecification, StreamViewType).
const (
	KeysOnly        = "KEYS_ONLY"
	NewImages       = "NEW_IMAGE"
	OldImages       = "OLD_IMAGE"
	NewAndOldImages = "NEW_AND_OLD_IMAGES"
)

// streamViews are the view types.
var streamViews = []string{KeysOnly, NewImages, OldImages, NewAndOldImages}

// TableSpec is the spec of a table.
type TableSpec struct {
	PartitionKey        string `json:"partition_key" fixed:"true"`
	SortKey             string `json:"sort_key,omitempty" fixed:"true"`
	BillingMode         string `json:"billing_mode"`
	DeletionProtection  bool   `json:"deletion_protection"`
	PointInTimeRecovery bool   `json:"point_in_time_recovery"`
	KMSKeyARN           string `json:"kms_key"`
	TTLAttribute        string `json:"ttl_attribute,omitempty"`
	StreamViewType      string `json:"stream_view_type,omitempty"`
	// Reads and Writes are a provisioned table's capacity; 0 on demand.
	Reads  int `json:"read_capacity,omitempty" unit:"units"`
	Writes int `json:"write_capacity,omitempty" unit:"units"`
	// WarmReads and WarmWrites are what the table must carry at the least.
	WarmReads  int `json:"warm_reads,omitempty" unit:"units/s" least:"true"`
	WarmWrites int `json:"warm_writes,omitempty" unit:"units/s" least:"true"`
	// MaxReads and MaxWrites bound a table on demand; 0 for no bound.
	MaxReads  int `json:"maximum_reads,omitempty" unit:"units/s"`
	MaxWrites int `json:"maximum_writes,omitempty" unit:"units/s"`
}

// Kind implements Spec.
func (TableSpec) Kind() string { return "table" }

// TableHandle refers to a table.
type TableHandle struct {
	Handle
	kms string
}

// Table describes a table.
func (b *Builder) Table(key string, t Table) TableHandle {
	spec := TableSpec{
		PartitionKey:        t.Key,
		SortKey:             t.Sort,
		StreamViewType:      t.Stream,
		BillingMode:         OnDemand,
		DeletionProtection:  t.Data && !b.settings.ForceDestroy,
		PointInTimeRecovery: t.Data,
		KMSKeyARN:           b.settings.KMSKeyARN,
		TTLAttribute:        t.TTL,
		WarmReads:           t.Warm.Reads, WarmWrites: t.Warm.Writes,
		MaxReads: t.Maximum.Reads, MaxWrites: t.Maximum.Writes,
	}
	var atRunTime []string
	if t.Capacity != nil {
		spec.BillingMode, spec.Reads, spec.Writes = Provisioned, t.Capacity.Reads, t.Capacity.Writes
		if t.Capacity.Scaled {
			atRunTime = []string{"read_capacity", "write_capacity"}
		}
	}
	h := b.add(key, b.name(key), spec)
	h.part.Data, h.part.RuntimeOwned = t.Data, atRunTime
	return TableHandle{Handle: h, kms: b.settings.KMSKeyARN}
}

// ARN returns the table's ARN.
func (t TableHandle) ARN() string { return arn("dynamodb", "table/"+t.Name()) }

// StreamARN returns a reference to the ARN of the table's stream, which has one
// only where Stream says so. DynamoDB gives each new stream another.
func (t TableHandle) StreamARN() string { return Ref(t.Key(), "stream_arn") }

// recordsARN implements RecordSource.
func (t TableHandle) recordsARN() string { return t.StreamARN() }

// ReadStream grants what a Lambda event source mapping needs of its function's
// role (Lambda Developer Guide, "Process DynamoDB records with Lambda",
// permissions). A stream's ARN is not known beforehand; its table's name is.
func (t TableHandle) ReadStream() []Grant {
	return append([]Grant{
		{Actions: []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}, Resources: []string{t.ARN() + "/stream/*"}},
		// Listing has no resource of its own (Service Authorization Reference, Amazon DynamoDB).
		{Actions: []string{"dynamodb:ListStreams"}, Resources: []string{"*"}, Rare: "used by the Lambda service itself to find the stream"},
	}, useKey(t.kms, "kms:Decrypt")...)
}

// Put grants writing items, conditionally or not. In a transaction each item
// needs the permission that it needs alone (DynamoDB Developer Guide, "Using
// IAM with DynamoDB transactions"), so that Put, Update, Delete and Get grant
// their transactions, too.
func (t TableHandle) Put() []Grant { return t.grants("dynamodb:PutItem") }

// Insert grants adding items by PartiQL statements, many in a call, where none
// of the same key is (DynamoDB Developer Guide, "IAM security policies with
// PartiQL for DynamoDB").
func (t TableHandle) Insert() []Grant { return t.grants("dynamodb:PartiQLInsert") }

// Check grants making a transaction depend on an item that it leaves alone
// (ibid., ConditionCheck).
func (t TableHandle) Check() []Grant { return t.grants("dynamodb:ConditionCheckItem") }

// Get grants reading single items.
func (t TableHandle) Get() []Grant { return t.grants("dynamodb:GetItem") }

// PutMany grants writing items in batches (DynamoDB API Reference,
// BatchWriteItem), whether or not others are there.
func (t TableHandle) PutMany() []Grant { return t.grants("dynamodb:BatchWriteItem") }

// GetOnly grants reading single items, and of them these attributes alone, the
// key among them where it is asked for (DynamoDB Developer Guide, "Using IAM
// policy conditions for fine-grained access control"). A read must name them.
func (t TableHandle) GetOnly(attributes ...string) []Grant {
	out := t.Get()
	out[0].Condition = Condition{
		"ForAllValues:StringEquals": {"dynamodb:Attributes": attributes},
		"StringEqualsIfExists":      {"dynamodb:Select": {"SPECIFIC_ATTRIBUTES"}},
	}
	return out
}

// GetMany grants reading many items in one call.
func (t TableHandle) GetMany() []Grant { return t.grants("dynamodb:BatchGetItem") }

// Update grants changing items in place.
func (t TableHandle) Update() []Grant { return t.grants("dynamodb:UpdateItem") }

// Scan grants reading all items.
func (t TableHandle) Scan() []Grant { return t.grants("dynamodb:Scan") }

// Query grants reading the items of a partition.
func (t TableHandle) Query() []Grant { return t.grants("dynamodb:Query") }

// Delete grants removing items.
func (t TableHandle) Delete() []Grant { return t.grants("dynamodb:DeleteItem") }

// Scale grants changing the table's capacity and seeing what it is. Of an
// UpdateTable IAM tells no change from another (Service Authorization
// Reference, Amazon DynamoDB).
func (t TableHandle) Scale() []Grant {
	return []Grant{{Actions: []string{"dynamodb:DescribeTable", "dynamodb:UpdateTable"}, Resources: []string{t.ARN()}}}
}

// grants adds the use of the table's key (DynamoDB Developer Guide,
// "DynamoDB encryption at rest: usage notes").
func (t TableHandle) grants(actions ...string) []Grant {
	return append([]Grant{{Actions: actions, Resources: []string{t.ARN()}}}, useKey(t.kms, "kms:Decrypt")...)
}

// What a new table on demand carries, and so the least that its warm throughput
// can be (DynamoDB Developer Guide, "DynamoDB on-demand capacity mode", initial
// throughput).
const (
	newReads  = 12_000
	newWrites = 4000
)

// table checks what DynamoDB would refuse.
func (c *checker) table(s TableSpec) {
	const updates = "DynamoDB API Reference, CreateTable"
	if len(s.TTLAttribute) > 255 {
		c.add(nil, "the attribute %q for the time to live has more than 255 characters (DynamoDB API Reference, TimeToLiveSpecification)", s.TTLAttribute)
	}
	if s.StreamViewType != "" && !slices.Contains(streamViews, s.StreamViewType) {
		c.add(nil, "the stream's view type %q is none of %s (DynamoDB API Reference, StreamSpecification)", s.StreamViewType, strings.Join(streamViews, ", "))
	}
	if s.SortKey != "" && s.SortKey == s.PartitionKey {
		c.add(nil, "%q is both the partition key and the sort key", s.SortKey)
	}
	provisioned := s.BillingMode == Provisioned
	for _, u := range []struct {
		what                        string
		capacity, warm, most, least int
	}{{"read", s.Reads, s.WarmReads, s.MaxReads, newReads}, {"write", s.Writes, s.WarmWrites, s.MaxWrites, newWrites}} {
		if provisioned {
			u.least = u.capacity
			if u.capacity < 1 {
				c.add(nil, "the %s capacity of a provisioned table is %d units; give at least 1 (%s)", u.what, u.capacity, updates)
			}
			if u.most != 0 {
				c.add(nil, "a maximum of %d %s units is for tables on demand; a provisioned table has its capacity (%s)", u.most, u.what, updates)
			}
		}
		if u.most < 0 {
			c.add(nil, "a maximum of %d %s units is no bound; give at least 1, or 0 for none (%s)", u.most, u.what, updates)
		}
		if u.warm != 0 && u.warm < u.least {
			c.add(nil, "a warm throughput of %d %s units a second is less than the %d that the table has anyhow; give more, or 0 (DynamoDB Developer Guide, Understanding DynamoDB warm throughput)", u.warm, u.what, u.least)
		}
	}
}

package blueprint

// Table says what a DynamoDB table should be: on demand, with a partition key
// of type string.
type Table struct {
	// Key is the partition key's attribute name.
	Key string
	// Data marks a table whose items are the user's data and cannot be derived
	// again: it is protected from deletion and backed up continuously.
	Data bool
}

// TableSpec is the spec of a table.
type TableSpec struct {
	PartitionKey        string `json:"partition_key" fixed:"true"`
	BillingMode         string `json:"billing_mode"`
	DeletionProtection  bool   `json:"deletion_protection"`
	PointInTimeRecovery bool   `json:"point_in_time_recovery"`
	KMSKeyARN           string `json:"kms_key"`
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
	h := b.add(key, b.name(key), TableSpec{
		PartitionKey:        t.Key,
		BillingMode:         "PAY_PER_REQUEST",
		DeletionProtection:  t.Data && !b.settings.ForceDestroy,
		PointInTimeRecovery: t.Data,
		KMSKeyARN:           b.settings.KMSKeyARN,
	})
	h.part.Data = t.Data
	return TableHandle{Handle: h, kms: b.settings.KMSKeyARN}
}

// ARN returns the table's ARN.
func (t TableHandle) ARN() string { return arn("dynamodb", "table/"+t.Name()) }

// Put grants writing items, conditionally or not.
func (t TableHandle) Put() []Grant { return t.grants("dynamodb:PutItem") }

// Get grants reading single items.
func (t TableHandle) Get() []Grant { return t.grants("dynamodb:GetItem") }

// Update grants changing items in place.
func (t TableHandle) Update() []Grant { return t.grants("dynamodb:UpdateItem") }

// Scan grants reading all items.
func (t TableHandle) Scan() []Grant { return t.grants("dynamodb:Scan") }

// Delete grants removing items.
func (t TableHandle) Delete() []Grant { return t.grants("dynamodb:DeleteItem") }

// grants adds the use of the table's key (DynamoDB Developer Guide,
// "DynamoDB encryption at rest: usage notes").
func (t TableHandle) grants(actions ...string) []Grant {
	return append([]Grant{{Actions: actions, Resources: []string{t.ARN()}}}, useKey(t.kms, "kms:Decrypt")...)
}

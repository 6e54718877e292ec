package blueprint

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// An item of a table that a system itself brings: a configured value, a sale.
// What functions write beside it, in attributes of their own, is theirs.

// ItemAttribute is the value of an attribute, as DynamoDB's JSON has it:
// {"S":"text"}. Texts in it may refer to other parts.
type ItemAttribute string

// ItemText is an attribute of DynamoDB's type S.
func ItemText(text string) ItemAttribute { return attributeOf("S", text) }

// ItemNumber is one of type N, given as text, since DynamoDB's have more digits
// than a float. A text that is no number stays as it is, for DynamoDB to refuse.
func ItemNumber(text string) ItemAttribute { return attributeOf("N", NormalNumber(text)) }

// ItemBool is one of type BOOL.
func ItemBool(value bool) ItemAttribute { return attributeOf("BOOL", value) }

func attributeOf(kind string, value any) ItemAttribute {
	return ItemAttribute(canonical(map[string]any{kind: value}))
}

// NormalNumber writes a number in the one way in which equal numbers are equal
// texts. DynamoDB gives a number back otherwise than it was sent.
func NormalNumber(text string) string {
	f, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven)
	if err != nil {
		return text
	}
	// DynamoDB's numbers have up to 38 digits, and up to 125 places beside them
	// (DynamoDB Developer Guide, "Constraints in Amazon DynamoDB", numbers).
	if plain := f.Text('f', -1); len(plain) <= 40 {
		return plain
	}
	return f.Text('g', -1)
}

// Marks of an item: whose it is, as Mark renders it, which of its attributes are
// ours, and the ARN of who wrote them last.
const (
	ItemOwner = "serverless:owner"
	ItemNames = "serverless:attributes"
	ItemBy    = "serverless:by"
)

// TableItemSpec is the spec of one item of a table.
type TableItemSpec struct {
	Table        string `json:"table" fixed:"true"`
	PartitionKey string `json:"partition_key" fixed:"true"`
	Key          string `json:"key" fixed:"true"`
	// Attributes has an ItemAttribute for each attribute but the key.
	Attributes map[string]string `json:"attributes"`
	// KMSKeyARN is the customer's key of the table; empty for none.
	KMSKeyARN string `json:"-"`
	// Passing are attributes that others write and that hold against those in
	// Against alone: an update that changes one of these takes them away.
	Against []string `json:"-"`
	Passing []string `json:"-"`
}

// Kind implements Spec.
func (TableItemSpec) Kind() string { return "table_item" }

// TableItemHandle refers to an item of a table.
type TableItemHandle struct{ Handle }

// Item describes an item of a table without a sort key. It is made only where
// there is none of that key, and taken away only while it is ours. Attributes
// that are not given belong to whoever writes them.
func (b *Builder) Item(key string, t TableHandle, item string, attributes map[string]ItemAttribute) TableItemHandle {
	spec := TableItemSpec{Table: t.Name(), Key: item, Attributes: map[string]string{}, KMSKeyARN: t.kms}
	if s, ok := t.part.Spec.(TableSpec); ok {
		spec.PartitionKey = s.PartitionKey
	}
	for name, value := range attributes {
		spec.Attributes[name] = string(value)
	}
	// Like every part whose object lives inside another, it is named by both; its
	// key's attribute is in the name since nothing else is known of an item that
	// is to be looked up.
	return TableItemHandle{b.add(key, spec.Table+"/"+spec.PartitionKey+"="+item, spec, t.Key())}
}

// Passing says that what others write into the attributes holds against ours as
// they are: an update that changes one of these takes it away, so that it is not
// in force again when they change back.
func (h TableItemHandle) Passing(attributes []string, against ...string) {
	spec, _ := h.part.Spec.(TableItemSpec)
	spec.Against, spec.Passing = against, attributes
	h.part.Spec = spec
}

// maxItem is the greatest size of an item, maxItemKey of a partition key, in
// bytes (Service, account, and table quotas in Amazon DynamoDB).
const (
	maxItem    = 400 << 10
	maxItemKey = 2048
)

// tableItem checks what DynamoDB would refuse.
func (c *checker) tableItem(s TableItemSpec) {
	if s.Key == "" {
		c.add(nil, "an item's key is empty, which DynamoDB does not take")
	}
	c.atMost("key", c.blue.longest(s.Key), maxItemKey, "bytes", "Service, account, and table quotas in Amazon DynamoDB")
	size := len(s.PartitionKey) + c.blue.longest(s.Key)
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		size += len(name) + c.blue.longest(s.Attributes[name])
		if name == s.PartitionKey || strings.HasPrefix(name, "serverless:") {
			c.add(nil, "the attribute %q is the key's, or begins with serverless:, which is for the provider's own marks", name)
		}
		if !HasToken(s.Attributes[name]) && !json.Valid([]byte(s.Attributes[name])) {
			c.add(nil, "the attribute %q is no DynamoDB JSON", name)
		}
	}
	c.atMost("item", size, maxItem, "bytes", "Service, account, and table quotas in Amazon DynamoDB")
}

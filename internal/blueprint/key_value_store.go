package blueprint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// KeyValueStore says what a key value store of CloudFront should have, which
// CloudFront functions read at the edge.
type KeyValueStore struct {
	// Secrets are the secrets whose values it has, by key.
	Secrets map[string]SecretHandle
}

// KeyValueStoreSpec is the spec of a key value store and its values.
type KeyValueStoreSpec struct {
	// Values are, by key, the name of a parameter, a space, and the version of its
	// value. They are empty where Contents is known.
	Values map[string]string `json:"values,omitempty"`
	// Contents is the hex digest of Values, without tokens.
	Contents string `json:"contents"`
	// Copies are the values by which Contents was made.
	Copies map[string]string `json:"-"`
	// SecretKMSKeyARN is the customer's key of the secrets; empty for none.
	SecretKMSKeyARN string `json:"-"`
}

// Kind implements Spec.
func (KeyValueStoreSpec) Kind() string { return "key_value_store" }

// Resolved implements Resolvable.
func (s KeyValueStoreSpec) Resolved() Spec {
	if len(s.Values) == 0 {
		return s
	}
	text, err := json.Marshal(s.Values) // in the order of its keys
	if err != nil {
		panic(err) // texts can be encoded
	}
	s.Contents, s.Copies, s.Values = digest(text), s.Values, nil
	return s
}

// Parameters are the names of the parameters whose values it has, in order.
func (s KeyValueStoreSpec) Parameters() []string {
	var names []string
	for _, from := range []map[string]string{s.Values, s.Copies} {
		for _, value := range from {
			name, _, _ := strings.Cut(value, " ")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// KeyValueStoreHandle refers to a key value store.
type KeyValueStoreHandle struct{ Handle }

// KeyValueStore describes a key value store.
func (b *Builder) KeyValueStore(key string, s KeyValueStore) KeyValueStoreHandle {
	spec := KeyValueStoreSpec{Values: map[string]string{}}
	for name, secret := range s.Secrets {
		spec.Values[name], spec.SecretKMSKeyARN = secret.Name()+" "+secret.Version(), secret.kms
	}
	return KeyValueStoreHandle{b.add(key, b.name(key), spec)}
}

// ARN returns the store's ARN, by the id that CloudFront gives it.
func (s KeyValueStoreHandle) ARN() string {
	return "arn:" + Partition() + ":cloudfront::" + Account() + ":key-value-store/" + Ref(s.Key(), "id")
}

// Most that a store has and a key may be long (CloudFront Developer Guide, "Quotas
// on key value stores"; CloudFront KeyValueStore API Reference, UpdateKeys).
const (
	mostStoreKeys = 50
	maxStoreKey   = 512
)

func (c *checker) keyValueStore(s KeyValueStoreSpec) {
	c.between("number of values", len(s.Values), 1, mostStoreKeys, "", "CloudFront KeyValueStore API Reference, UpdateKeys", nil)
	for _, key := range slices.Sorted(maps.Keys(s.Values)) {
		c.atMost(fmt.Sprintf("key %.20q", key), len(key), maxStoreKey, "bytes", "CloudFront Developer Guide, Quotas on key value stores")
	}
	for _, name := range s.Parameters() {
		secret := c.blue.Target(name)
		if secret == nil {
			continue
		}
		if spec, isSecret := secret.Spec.(SecretSpec); isSecret && spec.Form == RSA2048 {
			c.add(nil, "the secret %q is a private RSA key: it is longer than a value may be, 1 KB, and nothing at the edge can use it (CloudFront Developer Guide, Quotas on key value stores)", secret.Key)
		}
	}
}

package kinds

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	values "github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

func storeARN(target *Target) *string {
	return aws.String("arn:aws:cloudfront::" + testAccount + ":key-value-store/" + target.Attributes["id"])
}

// stored reads what a CloudFront function would.
func stored(t *testing.T, target *Target) map[string]string {
	t.Helper()
	out, err := env.AWS.Values.ListKeys(t.Context(), &values.ListKeysInput{KvsARN: storeARN(target)})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, item := range out.Items {
		found[aws.ToString(item.Key)] = aws.ToString(item.Value)
	}
	return found
}

// TestStoreValues copies a secret's value, and again when it has changed. Nothing
// but a change reads it.
func TestStoreValues(t *testing.T) {
	begin(t)
	made(t, testSecret, secretCase().spec)
	target := made(t, testStore, storeSpec("1", "1", "2"))
	value := valueOf(t, testSecret)
	if got, want := stored(t, target), (map[string]string{"1": value, "2": value}); !maps.Equal(got, want) {
		t.Errorf("the store has %v, want %v", got, want)
	}
	mark := local.Gate().Meter().Mark()
	update(t, target, storeSpec("1", "1", "2"))
	for _, c := range local.Gate().Meter().Calls(mark) {
		if strings.HasPrefix(c.Operation, "GetParameter") || c.Operation == "GetKey" || c.Operation == "ListKeys" {
			t.Errorf("%s was called though nothing differs", c.Operation)
		}
	}
	const next = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	if err := overwrite(t, next); err != nil {
		t.Fatal(err)
	}
	update(t, target, storeSpec("2", "2"))
	if got, want := stored(t, target), (map[string]string{"2": next}); !maps.Equal(got, want) {
		t.Errorf("the store has %v, want %v", got, want)
	}
}

// TestStoreBehindOurBack changes the values, which their version tells.
func TestStoreBehindOurBack(t *testing.T) {
	begin(t)
	made(t, testSecret, secretCase().spec)
	spec := storeSpec("1", "1")
	target := made(t, testStore, spec)
	value := valueOf(t, testSecret)
	for _, key := range []string{"1", "stranger"} {
		if _, err := env.AWS.Values.PutKey(t.Context(), &values.PutKeyInput{
			KvsARN: storeARN(target), IfMatch: aws.String(observe(t, "key_value_store", target).Attributes["values"]), Key: &key, Value: aws.String("forged"),
		}); err != nil {
			t.Fatal(err)
		}
		live := observe(t, "key_value_store", target)
		if live.Attributes["values"] == target.Attributes["values"] {
			t.Errorf("after %s was changed the values have the same version", key)
		}
		update(t, target, spec)
		if got, want := stored(t, target), (map[string]string{"1": value}); !maps.Equal(got, want) {
			t.Errorf("after the repair the store has %v, want %v", got, want)
		}
		if live = observe(t, "key_value_store", target); !maps.Equal(live.Attributes, target.Attributes) {
			t.Errorf("Update gave attributes %v, Observe %v", target.Attributes, live.Attributes)
		}
	}
}

// TestStoreCutOff ends an apply at each call of it. The next one finds a store that
// is not filled, and fills it.
func TestStoreCutOff(t *testing.T) {
	for _, f := range []localaws.Fault{
		{Service: "ssm", Operation: "GetParameter", Kind: localaws.FaultError, Code: "AccessDeniedException", Status: 400},
		{Service: "cloudfront-keyvaluestore", Operation: "UpdateKeys", Kind: localaws.FaultError, Code: "AccessDeniedException", Status: 403},
		{Service: "cloudfront", Operation: "UpdateKeyValueStore", Kind: localaws.FaultError, Code: "AccessDenied", Status: 403},
	} {
		t.Run(f.Operation, func(t *testing.T) {
			begin(t)
			made(t, testSecret, secretCase().spec)
			f.Nth, f.Retries = 1, true
			arm(t, f)
			spec := storeSpec("1", "1")
			if _, err := drivers["key_value_store"].Create(t.Context(), targetOf(testStore), spec); err == nil || errors.Is(err, ErrPresent) {
				t.Fatalf("Create gave %v", err)
			}
			local.Gate().Faults().Clear()
			target := targetOf(testStore)
			if got := differences(spec, observe(t, "key_value_store", target)); !slices.Equal(got, []string{"contents"}) {
				t.Errorf("what differs is %v", got)
			}
			update(t, target, spec)
			if got, want := stored(t, target), (map[string]string{"1": valueOf(t, testSecret)}); !maps.Equal(got, want) {
				t.Errorf("the store has %v, want %v", got, want)
			}
		})
	}
}

// TestStoreOfFunction gives a store to an edge function, and takes it away. As long
// as the function has it, it stays.
func TestStoreOfFunction(t *testing.T) {
	begin(t)
	made(t, testSecret, secretCase().spec)
	store := made(t, testStore, storeSpec("1", "1"))
	reading := edgeFunctionBase()
	reading.KeyValueStore = aws.ToString(storeARN(store))
	f := made(t, testEdgeFunction, reading)
	same(t, reading, observe(t, "edge_function", f))
	if err := drivers["key_value_store"].Delete(t.Context(), store); !drivers["key_value_store"].Transient(err) {
		t.Errorf("deleting the store in use gave %v", err)
	}
	update(t, f, edgeFunctionBase())
	update(t, f, reading)
	remove(t, "edge_function", f)
	remove(t, "key_value_store", store)
}

// TestStorePermissions: a deployer reads the secrets that are copied, and no others.
func TestStorePermissions(t *testing.T) {
	place := blueprint.Place{Partition: "aws", Region: testRegion, Account: testAccount}
	var got []string
	for _, p := range drivers["key_value_store"].Facts().Permissions {
		if own, ok := p.Of(place, testStore, storeSpec("1", "1", "2")); ok && slices.Contains(own.Actions, "ssm:GetParameter") {
			got = append(got, own.Resources...)
		}
	}
	if want := []string{"arn:aws:ssm:us-east-1:000000000000:parameter" + testSecret}; !slices.Equal(got, want) {
		t.Errorf("it may read %v, want %v", got, want)
	}
}

// TestStoreLostAnswers: what took effect without an answer is found and gone on from.
func TestStoreLostAnswers(t *testing.T) {
	for operation, service := range map[string]string{
		"CreateKeyValueStore": "cloudfront", "UpdateKeys": "cloudfront-keyvaluestore", "UpdateKeyValueStore": "cloudfront",
	} {
		t.Run(operation, func(t *testing.T) {
			begin(t)
			made(t, testSecret, secretCase().spec)
			arm(t, localaws.Fault{Service: service, Operation: operation, Nth: 1, Kind: localaws.FaultLostAnswer})
			spec, driver := storeSpec("1", "1"), drivers["key_value_store"]
			if _, err := driver.Create(t.Context(), targetOf(testStore), spec); !errors.Is(err, ErrPresent) && !driver.Transient(err) {
				t.Errorf("Create gave %v, want an error that passes", err)
			}
			target := targetOf(testStore)
			update(t, target, spec)
			if got, want := stored(t, target), (map[string]string{"1": valueOf(t, testSecret)}); !maps.Equal(got, want) {
				t.Errorf("the store has %v, want %v", got, want)
			}
		})
	}
}

package configitems

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/secretref"
)

// world is a table, a place for readers, secrets and a clock, all in memory.
type world struct {
	items   []dynamodb.Item
	fails   error
	scans   int
	now     time.Time
	told    []*dynamodb.UpdateItem
	denied  error
	hangs   bool // The table gives no answer.
	secrets map[string]string
	asked   int
	log     bytes.Buffer
}

func (w *world) Scan(context.Context, *dynamodb.Scan) (dynamodb.Page, error) {
	w.scans++
	return dynamodb.Page{Items: w.items}, w.fails
}

func (w *world) UpdateItem(_ context.Context, c *dynamodb.UpdateItem) error {
	w.told = append(w.told, c)
	return w.denied
}

func (w *world) Resolve(_ context.Context, r secretref.Reference) (string, error) {
	w.asked++
	value, there := w.secrets[r.Name]
	if !there {
		return "", errors.New("not found")
	}
	return value, nil
}

func newWorld() *world {
	return &world{
		now: time.Unix(1_900_000_000, 0), secrets: map[string]string{"/pay/key": "s3cret"},
		items: []dynamodb.Item{
			itemWith("url", TypeString, dynamodb.String("https://a.example")),
			itemWith("rate", TypeNumber, dynamodb.Decimal("2.5")),
			itemWith("open", TypeBool, dynamodb.Bool(true)),
			itemWith("fees", TypeJSON, dynamodb.String(`{"service":4}`)),
			itemWith("key", TypeSecret, dynamodb.String("arn:aws:ssm:eu-central-1:123456789012:parameter/pay/key")),
			{KeyAttribute: dynamodb.String(SchemaKey), SchemaAttribute: dynamodb.String("{}")},
		},
	}
}

func itemWith(key string, kind Type, v dynamodb.Value) dynamodb.Item {
	return dynamodb.Item{KeyAttribute: dynamodb.String(key), TypeAttribute: dynamodb.String(string(kind)), ValueAttribute: v}
}

func (w *world) reading(keys ...string) *Items {
	return newItems(w, w, w, Options{
		Table: "items", ReadersTable: "readers", Reader: "checkout", Keys: keys, Now: func() time.Time { return w.now },
		Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
}

// Every type is read as what it is, all in one scan.
func TestTypes(t *testing.T) {
	w := newWorld()
	c, ctx := w.reading(), t.Context()
	url, err := c.String(ctx, "url")
	rate, err2 := c.Number(ctx, "rate")
	open, err3 := c.Bool(ctx, "open")
	fees, err4 := JSON[map[string]int](ctx, c, "fees")
	key, err5 := c.Secret(ctx, "key")
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	if url != "https://a.example" || rate != 2.5 || !open || fees["service"] != 4 || key != "s3cret" {
		t.Errorf("read %q, %v, %v, %v, %q", url, rate, open, fees, key)
	}
	if w.scans != 1 {
		t.Errorf("that took %d scans, want 1", w.scans)
	}
}

// An error names the key and what is wrong with it.
func TestErrors(t *testing.T) {
	w := newWorld()
	c, ctx := w.reading(), t.Context()
	number := func(key string) error { _, err := c.Number(ctx, key); return err }
	text := func(key string) error { _, err := c.String(ctx, key); return err }
	secret := func(key string) error { _, err := c.Secret(ctx, key); return err }
	object := func(key string) error { _, err := JSON[[]string](ctx, c, key); return err }
	w.items = append(w.items, itemWith("lost", TypeSecret, dynamodb.String("arn:aws:ssm:eu-central-1:123456789012:parameter/gone")))
	for _, c := range []struct {
		read func(string) error
		key  string
		says string
	}{
		{text, "uri", `configuration item "uri": table items has none of that key`},
		{number, "url", `configuration item "url": it is a string, and was asked for as a number`},
		{text, SchemaKey, "has none of that key"},
		{object, "fees", `configuration item "fees": json: cannot unmarshal object`},
		{secret, "lost", `configuration item "lost": not found`},
	} {
		if err := c.read(c.key); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s gave %v, want %q", c.key, err, c.says)
		}
	}
	failing := newWorld()
	failing.fails = errors.New("no answer")
	if _, err := failing.reading().String(ctx, "url"); err == nil || err.Error() != `configuration item "url": read table items: no answer` {
		t.Errorf("a first reading that fails gave %v", err)
	}
}

// Values are read again after five seconds; where that fails the last good ones
// stay, and DynamoDB is asked no more often for it.
func TestRefresh(t *testing.T) {
	w := newWorld()
	c := w.reading()
	expect := func(what string, after time.Duration, want float64, scans int) {
		t.Helper()
		w.now = w.now.Add(after)
		got, err := c.Number(t.Context(), "rate")
		if err != nil || got != want || w.scans != scans {
			t.Errorf("%s: %v, %v after %d scans; want %v after %d", what, got, err, w.scans, want, scans)
		}
	}
	expect("at first", 0, 2.5, 1)
	w.items[1] = itemWith("rate", TypeNumber, dynamodb.Decimal("3"))
	expect("within five seconds", DefaultRefresh-1, 2.5, 1)
	expect("after", 1, 3, 2)
	w.fails = errors.New("throttled")
	expect("failing", DefaultRefresh, 3, 3)
	expect("failing, soon after", time.Second, 3, 3)
	expect("failing, later", DefaultRefresh, 3, 4)
	if n := strings.Count(w.log.String(), "the last good values stay"); n != 1 {
		t.Errorf("it was logged %d times, want once: %s", n, w.log.String())
	}
	w.fails, w.items[1] = nil, itemWith("rate", TypeNumber, dynamodb.Decimal("4"))
	expect("well again", DefaultRefresh, 4, 5)
	w.items[1] = itemWith("rate", TypeNumber, dynamodb.String("four"))
	expect("one item spoilt", DefaultRefresh, 4, 6)
}

// A table that does not answer keeps nobody from the last good values for longer than two seconds, and the first reading for as long as the caller has.
func TestRefreshWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := newItems(silent{w}, w, w, Options{Table: "items", Now: func() time.Time { return w.now }, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
		read := func(want float64, within time.Duration) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			began := time.Now()
			got, err := c.Number(ctx, "rate")
			if took := time.Since(began); got != want || (err == nil) != (want != 0) || took > within {
				t.Errorf("read %v, %v after %s; want %v within %s", got, err, took, want, within)
			}
		}
		w.hangs = true
		read(0, 20*time.Second)
		w.hangs = false
		read(2.5, 0)
		w.now, w.hangs = w.now.Add(DefaultRefresh), true
		read(2.5, 2*time.Second)
		read(2.5, 0)
	})
}

// silent is a table that may give no answer.
type silent struct{ *world }

func (s silent) Scan(ctx context.Context, scan *dynamodb.Scan) (dynamodb.Page, error) {
	if s.hangs {
		<-ctx.Done()
		return dynamodb.Page{}, ctx.Err()
	}
	return s.world.Scan(ctx, scan)
}

// An operator's value is in force against the value that it was set against.
func TestOverride(t *testing.T) {
	for name, c := range map[string]struct {
		change func(dynamodb.Item)
		want   float64
	}{
		"in force":          {func(dynamodb.Item) {}, 80},
		"another value now": {func(i dynamodb.Item) { i[ValueAttribute] = dynamodb.Decimal("60") }, 60},
		"the same value":    {func(i dynamodb.Item) { i[ValueAttribute] = dynamodb.Decimal("50.0") }, 80},
		"no longer open":    {func(i dynamodb.Item) { delete(i, OperatorAttribute) }, 50},
		"of another type":   {func(i dynamodb.Item) { i[OverrideAttribute] = dynamodb.String("many") }, 50},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			i := itemWith("rate", TypeNumber, dynamodb.Decimal("50"))
			i[OperatorAttribute], i[OverrideAttribute], i[OfAttribute] = dynamodb.Bool(true), dynamodb.Decimal("80"), dynamodb.String("50")
			c.change(i)
			w.items = []dynamodb.Item{i}
			if got, err := w.reading().Number(t.Context(), "rate"); err != nil || got != c.want {
				t.Errorf("in force is %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// What is read is told at once, every hour, and soon where there is a new key or
// the last time failed; a role that may not is asked each hour.
func TestReaders(t *testing.T) {
	w := newWorld()
	c := w.reading("rate")
	read := func(key string, after time.Duration, told int) {
		t.Helper()
		w.now = w.now.Add(after)
		if _, err := c.value(t.Context(), key, c.values[key].kind); err != nil && c.values != nil && !strings.Contains(err.Error(), "asked for") {
			t.Fatal(err)
		}
		if len(w.told) != told {
			t.Fatalf("%s after %s: told %d times, want %d", key, after, len(w.told), told)
		}
	}
	read("rate", 0, 1)
	read("rate", 59*time.Minute, 1)
	read("rate", time.Minute, 2)
	read("url", 10*time.Second, 2)
	read("url", time.Minute, 3)
	last := w.told[2]
	if last.TableName != "readers" || last.Key[ReaderAttribute].Text() != "checkout" || last.UpdateExpression != "SET #expires = :expires, #k0 = :now, #k1 = :now" {
		t.Errorf("told is %+v", last)
	}
	if last.ExpressionAttributeNames["#k0"] != "read:rate" || last.ExpressionAttributeNames["#k1"] != "read:url" || last.ExpressionAttributeValues[":now"].Int() != w.now.UnixMilli() {
		t.Errorf("told is %v, %v", last.ExpressionAttributeNames, last.ExpressionAttributeValues)
	}
	w.denied = &smithy.GenericAPIError{Code: "ThrottlingException", Message: "slowly"}
	read("url", time.Hour, 4)
	read("url", 10*time.Second, 4)
	w.denied = &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"}
	read("url", time.Minute, 5)
	read("url", 59*time.Minute, 5)
	w.denied = nil // Somebody has given the role the permission.
	read("url", time.Minute, 6)
	read("url", 59*time.Minute, 6)
}

// A reader of as many keys as there can be tells them all, in expressions of 4 KB at most (Service, account, and table quotas in Amazon DynamoDB).
func TestManyKeys(t *testing.T) {
	w := newWorld()
	keys := make([]string, 500)
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%d", i)
	}
	if _, err := w.reading(keys...).String(t.Context(), "url"); err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, update := range w.told {
		if n := len(update.UpdateExpression); n > 4096 {
			t.Errorf("an expression has %d bytes", n)
		}
		for _, name := range update.ExpressionAttributeNames {
			told[name] = true
		}
	}
	if len(told) != 500+1+1 { // With url, and the time at which the reader is forgotten.
		t.Errorf("%d attributes were told", len(told))
	}
}

// A secret is kept for a while, and for longer where it cannot be read again.
func TestSecrets(t *testing.T) {
	w := newWorld()
	c := w.reading()
	expect := func(after time.Duration, want string, asked int) {
		t.Helper()
		w.now = w.now.Add(after)
		if got, err := c.Secret(t.Context(), "key"); err != nil || got != want || w.asked != asked {
			t.Errorf("%q, %v after %d calls; want %q after %d", got, err, w.asked, want, asked)
		}
	}
	expect(0, "s3cret", 1)
	w.secrets["/pay/key"] = "n3w"
	expect(DefaultSecretRefresh-1, "s3cret", 1)
	expect(1, "n3w", 2)
	delete(w.secrets, "/pay/key")
	expect(DefaultSecretRefresh, "n3w", 3)
	if strings.Contains(w.log.String(), "n3w") {
		t.Error("a secret was logged")
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		kind Type
		text string
		ok   bool
	}{
		{TypeString, "", true}, {TypeNumber, "1e3", true}, {TypeNumber, "Inf", false}, {TypeNumber, "0x10", false}, {TypeNumber, "", false},
		{TypeBool, "true", true}, {TypeBool, "1", false}, {TypeJSON, "[1]", true}, {TypeJSON, "[", false}, {TypeSecret, "hunter2", false},
	} {
		if _, err := c.kind.Parse(c.text); (err == nil) != c.ok {
			t.Errorf("%s %q: %v", c.kind, c.text, err)
		}
	}
}

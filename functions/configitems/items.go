package configitems

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/secretref"
)

// Variables of a function's environment that FromEnvironment reads: the outputs table_name and readers_table_name.
const (
	TableVariable   = "CONFIG_TABLE"
	ReadersVariable = "CONFIG_READERS_TABLE"
)

// Defaults of Options.
const (
	DefaultRefresh       = 5 * time.Second
	DefaultSecretRefresh = 5 * time.Minute
)

// againWithin bounds a reading while there are good values, which nobody should wait for longer: a table that gives no answer would else take
// all the time that the caller has.
const againWithin = 2 * time.Second

// Options say what is read and how.
type Options struct {
	// Table has the items. Required.
	Table string
	// ReadersTable is told what is read; empty tells nobody.
	ReadersTable string
	// Reader is the name that is told; by default the function's.
	Reader string
	// Keys are those that are read. They count as read from the start on; others do once they are asked for.
	Keys []string
	// Refresh is how old values may be before they are read again, DefaultRefresh where it is 0; SecretRefresh the same of what references to
	// secrets lead to.
	Refresh, SecretRefresh time.Duration
	// Now is the clock; time.Now where it is nil.
	Now func() time.Time
	// Log is told what went wrong and did not keep a value from being given; slog's own where it is nil.
	Log *slog.Logger
}

// Items are the values of one serverless_config. They may be used from several goroutines.
type Items struct {
	options Options
	table   source
	readers *readers
	secrets *secretref.Cache

	mu     sync.Mutex
	values map[string]item
	tried  time.Time // When it was last tried to read.
	failed bool      // That one failed.
}

// source is where all items are read.
type source interface {
	Scan(ctx context.Context, scan *dynamodb.Scan) (dynamodb.Page, error)
}

// New reads from AWS with the configuration. It calls nobody yet.
func New(cfg aws.Config, o Options) (*Items, error) {
	if o.Table == "" {
		return nil, errors.New("read configuration items: no table is given")
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = awshttp.NewBuildableClient()
	}
	client := dynamodb.New(cfg)
	return newItems(client, client, &secretref.AWS{Config: cfg}, o), nil
}

// FromEnvironment is New with the tables that the environment names, CONFIG_TABLE and CONFIG_READERS_TABLE.
func FromEnvironment(cfg aws.Config, keys ...string) (*Items, error) {
	o := Options{Table: os.Getenv(TableVariable), ReadersTable: os.Getenv(ReadersVariable), Keys: keys}
	if o.Table == "" {
		return nil, fmt.Errorf("read configuration items: the environment variable %s is not set", TableVariable)
	}
	return New(cfg, o)
}

func newItems(table source, told updater, secret secretref.Resolver, o Options) *Items {
	o.Refresh, o.SecretRefresh = cmp.Or(o.Refresh, DefaultRefresh), cmp.Or(o.SecretRefresh, DefaultSecretRefresh)
	o.Reader = cmp.Or(o.Reader, os.Getenv("AWS_LAMBDA_FUNCTION_NAME"))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	out := &Items{options: o, table: table, secrets: &secretref.Cache{Resolver: secret, Refresh: o.SecretRefresh, Now: o.Now, Log: o.Log}}
	if o.ReadersTable != "" && o.Reader != "" {
		out.readers = newReaders(told, o)
	}
	return out
}

// String returns a string.
func (c *Items) String(ctx context.Context, key string) (string, error) {
	v, err := c.value(ctx, key, TypeString)
	return v.Text(), err
}

// Number returns a number, to the precision of a float64.
func (c *Items) Number(ctx context.Context, key string) (float64, error) {
	v, err := c.value(ctx, key, TypeNumber)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(v.N, 64)
	if err != nil {
		return 0, fmt.Errorf("configuration item %q: %w", key, err)
	}
	return n, nil
}

// Bool returns a truth value.
func (c *Items) Bool(ctx context.Context, key string) (bool, error) {
	v, err := c.value(ctx, key, TypeBool)
	return v.True(), err
}

// JSON decodes a JSON value.
func JSON[T any](ctx context.Context, c *Items, key string) (T, error) {
	var out T
	v, err := c.value(ctx, key, TypeJSON)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal([]byte(v.Text()), &out); err != nil {
		return out, fmt.Errorf("configuration item %q: %w", key, err)
	}
	return out, nil
}

// Secret returns what a reference leads to: a parameter's value or a secret's. It must never be logged.
func (c *Items) Secret(ctx context.Context, key string) (string, error) {
	v, err := c.value(ctx, key, TypeSecret)
	if err != nil {
		return "", err
	}
	value, err := c.secrets.Get(ctx, v.Text())
	if err != nil {
		return "", fmt.Errorf("configuration item %q: %w", key, err)
	}
	return value, nil
}

// value returns the value in force.
func (c *Items) value(ctx context.Context, key string, kind Type) (dynamodb.Value, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readers.asked(key)
	if err := c.refresh(ctx); err != nil {
		return dynamodb.Value{}, fmt.Errorf("configuration item %q: %w", key, err)
	}
	found, there := c.values[key]
	switch {
	case !there:
		return dynamodb.Value{}, fmt.Errorf("configuration item %q: table %s has none of that key", key, c.options.Table)
	case found.kind != kind:
		return dynamodb.Value{}, fmt.Errorf("configuration item %q: it is a %s, and was asked for as a %s", key, found.kind, kind)
	}
	return found.inForce, nil
}

// refresh reads all items where those that are there are too old. After a reading that failed the last good values stay, and the next is tried as
// if it had succeeded, so that a DynamoDB in need is not asked the more for it.
func (c *Items) refresh(ctx context.Context) error {
	now := c.options.Now()
	if c.values != nil && now.Sub(c.tried) < c.options.Refresh {
		return nil
	}
	c.tried = now
	reading, cancel := ctx, func() {}
	if c.values != nil {
		reading, cancel = context.WithTimeout(ctx, againWithin)
	}
	read, err := c.scan(reading)
	cancel()
	if err != nil {
		if c.values == nil {
			return err
		}
		if !c.failed {
			c.options.Log.WarnContext(ctx, "configuration items could not be read again; the last good values stay", "error", err)
		}
		c.failed = true
		return nil
	}
	values := make(map[string]item, len(read))
	for _, i := range read {
		if i[KeyAttribute].Text() == SchemaKey {
			continue
		}
		found, err := itemOf(i)
		if err != nil {
			// One item that somebody has spoilt is no reason to have none.
			c.options.Log.WarnContext(ctx, "a configuration item cannot be read; its last good value stays", "error", err)
			if last, had := c.values[i[KeyAttribute].Text()]; had {
				values[last.key] = last
			}
			continue
		}
		values[found.key] = found
	}
	c.values, c.failed = values, false
	c.readers.tell(ctx)
	return nil
}

// scan reads the whole table.
func (c *Items) scan(ctx context.Context) ([]dynamodb.Item, error) {
	var items []dynamodb.Item
	for item, err := range dynamodb.Items(ctx, c.table.Scan, &dynamodb.Scan{TableName: c.options.Table}) {
		if err != nil {
			return nil, fmt.Errorf("read table %s: %w", c.options.Table, err)
		}
		items = append(items, item)
	}
	return items, nil
}

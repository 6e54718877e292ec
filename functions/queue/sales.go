package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

const (
	// saleFor is how long a reading of a sale is gone by: with the second by which an eventually consistent read may lag, a change is in force within
	// five seconds.
	saleFor = 2 * time.Second
	// saleAtMost is how long a reading is gone by where it cannot be read again.
	saleAtMost = 10 * time.Second
	// maxCachedSales bounds what senders of made-up ids can make a function remember.
	maxCachedSales = 1000
)

// ErrNoSale says that there is no such sale.
var ErrNoSale = errors.New("there is no such sale")

// SaleStore is where sales are read.
type SaleStore interface {
	// ReadSale returns a sale as it is configured, with what operators changed, or ErrNoSale. It may be a second old.
	ReadSale(ctx context.Context, id string) (Sale, Control, error)
}

// Sales are the sales as they are in force, each read at most every two seconds. It may be used from several goroutines.
type Sales struct {
	Store SaleStore
	Clock clock.Clock

	mu   sync.Mutex
	read map[string]reading
}

type reading struct {
	sale Sale
	err  error // ErrNoSale or nil.
	at   time.Time
}

// InForce returns a sale with what operators changed, or ErrNoSale. Where it has not been read for ten seconds, nobody knows: that is an error.
func (s *Sales) InForce(ctx context.Context, id string) (Sale, error) {
	if !ValidSale(id) {
		return Sale{}, ErrNoSale
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Clock.Now()
	last, known := s.read[id]
	if known && now.Sub(last.at) < saleFor {
		return last.sale, last.err
	}
	sale, control, err := s.Store.ReadSale(ctx, id)
	if err != nil && !errors.Is(err, ErrNoSale) {
		if known && now.Sub(last.at) <= saleAtMost {
			return last.sale, last.err
		}
		return Sale{}, fmt.Errorf("read sale: %w", err)
	}
	if s.read == nil || len(s.read) >= maxCachedSales {
		s.read = map[string]reading{}
	}
	s.read[id] = reading{sale.Effective(control), err, now}
	return s.read[id].sale, err
}

// ReadSale returns a sale as it is configured, with what operators changed, or ErrNoSale.
func (s *Store) ReadSale(ctx context.Context, id string) (Sale, Control, error) {
	item, err := s.get(ctx, s.Tables.Sales, SalesKey, id, false)
	if err != nil {
		return Sale{}, Control{}, err
	}
	if len(item) == 0 {
		return Sale{}, Control{}, ErrNoSale
	}
	return ReadSale(id, item[ConfigAttribute].Text(), item[ControlAttribute].Text())
}

// ReadSales returns all sales as they are in force, the ids of those of which EndOverrides would take something away, and an error for those that cannot be read.
func (s *Store) ReadSales(ctx context.Context) (sales []Sale, ended []string, err error) {
	var faults []error
	err = s.scan(ctx, &dynamodb.Scan{TableName: s.Tables.Sales}, func(item dynamodb.Item) {
		sale, control, err := ReadSale(item[SalesKey].Text(), item[ConfigAttribute].Text(), item[ControlAttribute].Text())
		if err != nil {
			faults = append(faults, err)
			return
		}
		sales = append(sales, sale.Effective(control))
		if _, some := control.ended(sale); some {
			ended = append(ended, sale.ID)
		}
	})
	return sales, ended, errors.Join(append(faults, err)...)
}

// scan reads a table to its end.
func (s *Store) scan(ctx context.Context, input *dynamodb.Scan, found func(dynamodb.Item)) error {
	for item, err := range dynamodb.Items(ctx, s.Client.Scan, input) {
		if err != nil {
			return fmt.Errorf("scan %s: %w", input.TableName, err)
		}
		found(item)
	}
	return nil
}

// ms is a moment as milliseconds since 1970.
func ms(at time.Time) int64 { return at.UnixMilli() }

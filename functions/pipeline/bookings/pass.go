package bookings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/parallel"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// passSegments is how many parts of the table of items are scanned at once.
const passSegments = 8

// pass is one way through all items, for the data of several bookings. What goes wrong with one booking does not keep it from the others.
type pass struct {
	*Creator
	saved savedPass
	data  []*data
}

// savedPass is what is kept of a pass between invocations, all of one moment.
type savedPass struct {
	ID    string               `json:"id"`
	Saves int                  `json:"saves"` // How often it was kept.
	Step  int                  `json:"step"`  // Of the message with which it goes on.
	After [passSegments]string `json:"after"` // The last key of each part that was read.
	Over  [passSegments]bool   `json:"over"`  // The parts that are read.
	Data  []savedData          `json:"data"`
}

func workObject(pass, name string) string { return "bookings/work/" + pass + "/" + name }

func (p *pass) over() bool {
	for _, over := range p.saved.Over {
		if !over {
			return false
		}
	}
	return true
}

// scan reads items until they or the time end.
func (p *pass) scan(ctx context.Context) error {
	return parallel.Each(passSegments, passSegments, func(part int) error {
		for !p.saved.Over[part] && !pipeline.NearDeadline(ctx, p.Clock) {
			page, err := p.Items.Scan(ctx, p.request(part))
			if err != nil {
				return fmt.Errorf("scan %s: %w", p.ItemsTable, err)
			}
			p.take(ctx, page.Items)
			p.saved.After[part] = page.LastEvaluatedKey[pipeline.ItemKey].Text()
			p.saved.Over[part] = p.saved.After[part] == ""
		}
		return nil
	})
}

// request is the next page of a part: the items of the bookings' segments alone, without those that are gone from an upload.
func (p *pass) request(part int) *dynamodb.Scan {
	names := map[string]string{"#expires": pipeline.ItemExpires, "#segment": p.Segment}
	values, wanted := dynamodb.Item{}, []string{}
	for i, d := range p.data {
		value := ":v" + strconv.Itoa(i)
		values[value] = dynamodb.String(d.booking.Value)
		wanted = append(wanted, "#segment = "+value)
	}
	request := &dynamodb.Scan{
		TableName: p.ItemsTable, ConsistentRead: true, Segment: &part, TotalSegments: passSegments, ExpressionAttributeNames: names,
		FilterExpression: "attribute_not_exists(#expires) AND (" + strings.Join(wanted, " OR ") + ")", ExpressionAttributeValues: values,
	}
	if after := p.saved.After[part]; after != "" {
		request.ExclusiveStartKey = dynamodb.Item{pipeline.ItemKey: dynamodb.String(after)}
	}
	return request
}

// take adds the rows of items to the data of all bookings of their segments.
func (p *pass) take(ctx context.Context, items []dynamodb.Item) {
	rows := map[string][][]byte{}
	var failed error
	for _, item := range items {
		row, err := p.Rows.row(item)
		if err != nil {
			failed = err
		}
		value := item[p.Segment].Text()
		rows[value] = append(rows[value], row)
	}
	for _, d := range p.data {
		if failed != nil {
			d.stop(failed)
		}
		d.add(ctx, rows[d.booking.Value])
	}
}

// stop ends what cannot go on.
func (d *data) stop(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = errors.Join(d.err, err)
}

// save keeps the pass. The objects of the one before stay as they are, until the pass itself is written by one write.
func (p *pass) save(ctx context.Context) error {
	p.saved.Saves++
	p.saved.Data = make([]savedData, 0, len(p.data))
	for _, d := range p.data {
		saved, err := d.save(ctx, workObject(p.saved.ID, strconv.Itoa(p.saved.Saves)+"-"+d.booking.ID))
		if err != nil {
			return err
		}
		p.saved.Data = append(p.saved.Data, saved)
	}
	text, err := json.Marshal(p.saved)
	if err != nil {
		return fmt.Errorf("encode the pass: %w", err)
	}
	return p.Objects.PutObject(ctx, workObject(p.saved.ID, "pass.json"), text, contentJSON, cachePrivate)
}

// read reads the pass that was kept; false where there is none.
func (c *Creator) read(ctx context.Context, id string) (*pass, bool, error) {
	p := &pass{Creator: c}
	key := workObject(id, "pass.json")
	text, err := c.Objects.GetObject(ctx, key)
	if err != nil || text == nil {
		return nil, false, err
	}
	if err := json.Unmarshal(text, &p.saved); err != nil {
		c.Log.ErrorContext(ctx, "a pass that was kept cannot be read: its data is made anew", "object", key, "error", err)
		return nil, false, nil
	}
	return p, true, nil
}

// has says whether the pass was kept with a booking.
func (p *pass) has(booking string) bool {
	return slices.ContainsFunc(p.saved.Data, func(d savedData) bool { return d.Booking == booking })
}

// resume takes those of the bookings of a pass that was kept that nobody else took or cancelled.
func (p *pass) resume(ctx context.Context) error {
	for _, saved := range p.saved.Data {
		b, found, err := p.Store.Get(ctx, saved.Booking)
		if err != nil {
			return err
		}
		now := p.Clock.Now()
		if !found || b.Status != Generating || b.holder != p.saved.ID || b.Next > now.UnixMilli() {
			continue
		}
		b.Next, b.sent, b.tries = now.Add(p.Lease).UnixMilli(), 0, b.tries+1
		taken, held, err := p.Store.move(ctx, b, Generating)
		if err != nil {
			return err
		}
		if held {
			p.data = append(p.data, restore(ctx, saved, taken, p.Rows, p.Objects))
		}
	}
	return nil
}

// handOver lets the next invocation go on. A message that is lost, or at the end of a chain of them is not sent, the sweeper sends after a while.
func (p *pass) handOver(ctx context.Context, step int) error {
	kept := p.data[:0]
	for _, d := range p.data {
		if d.err == nil {
			kept = append(kept, d)
		} else if err := p.release(ctx, d, d.err); err != nil {
			return err
		}
	}
	if p.data = kept; len(kept) == 0 {
		return nil
	}
	p.saved.Step = step + 1
	if err := p.save(ctx); err != nil {
		return err
	}
	now := p.Clock.Now().UnixMilli()
	for _, d := range p.data {
		b := d.booking
		b.Next, b.tries = now, 0
		if b.sent = now; step+1 >= pipeline.ChainSteps {
			b.sent = now - sendAgain.Milliseconds()
		}
		if _, _, err := p.Store.move(ctx, b, Generating); err != nil {
			return err
		}
	}
	if step+1 >= pipeline.ChainSteps {
		return nil
	}
	return publishPass(ctx, p.Stage, p.saved.ID, step+1)
}

func publishPass(ctx context.Context, stage pipeline.Publisher, pass string, step int) error {
	text, err := json.Marshal(pipeline.Stage{Run: pass, Stage: pipeline.StageBookings, Step: step})
	if err != nil {
		return fmt.Errorf("encode the message: %w", err)
	}
	return stage.Publish(ctx, string(text))
}

const (
	// maxGenerations is how often a booking's data is begun to be made until that is given up.
	maxGenerations = 5
	// maxResumes is how often it is tried to go on from where it was kept.
	maxResumes = 5
	// generateAgain is how long it is put off after the first time, and twice as long each time.
	generateAgain = time.Minute
)

// release gives a booking back, whose data has to be made anew, or cannot be made.
func (p *pass) release(ctx context.Context, d *data, why error) error {
	if err := d.drop(ctx); err != nil {
		p.Log.WarnContext(ctx, "an upload in parts could not be taken back", "booking", d.booking.ID, "error", err)
	}
	b := d.booking
	b.Reason = printable(why.Error())
	if b.generations >= maxGenerations || errors.Is(why, errEmpty) || errors.Is(why, errTooLarge) {
		return p.fail(ctx, b, b.Reason)
	}
	p.Log.WarnContext(ctx, "a booking's data has to be made anew", "booking", b.ID, "error", why)
	b.Next, b.sent = p.Clock.Now().Add(generateAgain<<(b.generations-1)).UnixMilli(), 0
	_, _, err := p.Store.move(ctx, b, Booked)
	return err
}

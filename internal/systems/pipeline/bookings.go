package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

const (
	creatorTimeout = 5 * time.Minute
	// uploaderMargin is for how much longer than a try of the third party uploader
	// works: it reads the booking before, and writes it after.
	uploaderMargin = 30 * time.Second
	// creatorMargin is for how much longer than its time-out creator has a booking.
	creatorMargin = time.Minute
	// atOnce bookings are one pass through the items; of each some 6 MB are in
	// memory.
	atOnce = 50
	// attempts of a message, before it is a dead letter. What the third party does
	// not take is none: bookings are put off in their items.
	attempts = 5
	// workDays is for how long what creator keeps between two invocations stays.
	workDays = 7
)

// Objects of bookings.
const (
	dataObjects = "bookings/*"
	workObjects = "bookings/work/*"
)

// booking is what a pipeline has where segments can be booked.
type booking struct {
	table             blueprint.TableHandle
	uploads           blueprint.QueueHandle
	outcomes          *blueprint.QueueHandle // nil where nobody is told how a booking ends.
	uploading         blueprint.MappingHandle
	notifying         *blueprint.MappingHandle
	creator, uploader blueprint.FunctionHandle
}

// hasBookings reports whether segments can be booked.
func (m *Model) hasBookings() bool { return known(m.Bookings) }

func (m *Model) target() types.Object { return composite.ObjectOf(m.Bookings, "target") }

func (m *Model) format() bookings.DataFormat {
	return bookings.DataFormat{Format: textOf(m.Bookings, "format", string(bookings.JSONLines)), Gzip: boolOf(m.Bookings, "gzip", false)}
}

func (m *Model) giveUpBooking() time.Duration {
	return time.Duration(intOf(m.Bookings, "give_up_hours", defaultGiveUp)) * time.Hour
}

func (m *Model) targetTimeout() time.Duration {
	return time.Duration(intOf(m.target(), "timeout_seconds", defaultTargetTimeout)) * time.Second
}

// bookings are what sends a segment's data to the third party:
//
//	bookings → creator → S3, uploads → uploader → third party; outcomes → notifier → topic, webhook
func (l *line) bookings() error {
	if !l.m.hasBookings() {
		return nil
	}
	timeout := l.Timeout("uploader", l.m.targetTimeout()+uploaderMargin)
	if least := l.m.targetTimeout() + uploaderMargin; timeout < least {
		return fmt.Errorf("functions.uploader.timeout is %d seconds, and one try of the third party may take %d: give the function at least %d, or change bookings.target.timeout_seconds",
			int(timeout.Seconds()), int(l.m.targetTimeout().Seconds()), int(least.Seconds()))
	}
	b := &booking{table: l.Table("bookings", blueprint.Table{Key: "kind", Sort: "id", TTL: bookings.ExpiresAttribute, Data: true})}
	l.booked = b
	b.uploads = l.work("uploads", timeout)
	if known(l.m.Notifications) {
		q := l.work("outcomes", l.Timeout("notifier", shortTimeout))
		b.outcomes = &q
	}
	l.Expires("results-lifecycle", l.results, blueprint.Lifecycle{
		Unfinished: workDays * 24 * time.Hour,
		Expire:     map[string]time.Duration{"bookings/work/": workDays * 24 * time.Hour, "bookings/": l.m.giveUpBooking() + bookings.DataKept},
	})
	l.creator()
	l.uploader(timeout)
	l.notifier()
	return nil
}

// work is a queue of messages that each name a booking, with its dead letters.
func (l *line) work(key string, timeout time.Duration) blueprint.QueueHandle {
	aside := l.Queue(key+"-dead-letters", blueprint.Queue{Visibility: visibilityFactor * timeout, Data: true})
	l.aside[key+"-dead-letters"] = aside
	return l.Queue(key, blueprint.Queue{Visibility: visibilityFactor * timeout, DeadLetter: &aside, MaxReceives: attempts, Data: true})
}

func (l *line) kept() bookings.Kept {
	k := bookings.Kept{BookingsTable: l.booked.table.Name(), UploadsQueue: l.booked.uploads.URL(), RetentionDays: l.m.retention()}
	if l.booked.outcomes != nil {
		k.OutcomesQueue = l.booked.outcomes.URL()
	}
	return k
}

// tells grants saying that a booking has ended.
func (b *booking) tells(why string) []blueprint.Grant {
	if b.outcomes == nil {
		return nil
	}
	return blueprint.Rarely(why, b.outcomes.Send())
}

// creator generates the data of the bookings that are due.
func (l *line) creator() {
	b := l.booked
	grants := [][]blueprint.Grant{
		b.table.Get(), b.table.Put(), b.table.Query(), l.items.Scan(), l.results.Upload(dataObjects), b.uploads.Send(),
		blueprint.Rarely("used where a booking is over of which nobody has taken note", b.table.Delete()),
		blueprint.Rarely("used where the items take more than one invocation", l.results.Get(workObjects)),
		blueprint.Rarely("used where the items take more than one invocation", l.results.List()),
		blueprint.Rarely("used where a booking is cancelled while its data is made", l.results.Delete(dataObjects)),
		blueprint.Rarely("used where the items take more than one invocation", l.stage.Publish()),
		b.tells("used where a booking has no data"),
	}
	if l.mapping.MappingKey != "" {
		grants = append(grants, l.results.Get(l.mapping.MappingKey))
	}
	b.creator = l.function("creator", blueprint.Function{
		MemoryMB: 1024, Timeout: creatorTimeout,
		Environment: config.Environ(bookings.CreatorConfig{
			Base: l.base, ItemMapping: l.mapping, Kept: l.kept(), DataFormat: l.m.format(), ItemsTable: l.items.Name(), Bucket: l.results.Name(),
			StageTopic: l.stage.ARN(), AtOnce: atOnce, Lease: l.Timeout("creator", creatorTimeout) + creatorMargin, GiveUpAfter: l.m.giveUpBooking(),
		}),
		Grants: grants,
	})
	l.Every("creator-tick", b.creator, time.Duration(intOf(l.m.Bookings, "every_minutes", defaultEvery))*time.Minute, "{}")
	l.Hand("creator-stage", l.stage, b.creator)
}

// uploader sends data to the third party, a booking a message.
func (l *line) uploader(timeout time.Duration) {
	b, target := l.booked, l.m.target()
	secret := textOf(target, "secret_arn", "")
	grants := [][]blueprint.Grant{
		b.uploads.Consume(), blueprint.Rarely("used where the third party does not take the data at once", b.uploads.Send()), b.table.Get(), b.table.Put(), l.results.Get(dataObjects),
		b.tells("used where somebody is told"),
	}
	if secret != "" {
		grants = append(grants, blueprint.ReadReference(secret), usesKeys(target))
	}
	b.uploader = l.function("uploader", blueprint.Function{
		MemoryMB: 512, Timeout: timeout,
		Environment: config.Environ(bookings.UploaderConfig{
			Base: l.base, Kept: l.kept(), DataFormat: l.m.format(), Bucket: l.results.Name(), URL: textOf(target, "url", ""), Method: textOf(target, "method", defaultMethod),
			Header: textOf(target, "header", ""), Secret: secret, Expect: textOf(target, "expect", ""), Timeout: l.m.targetTimeout(),
		}),
		Grants: grants,
	})
	b.uploading = l.Consume("uploader-uploads", b.uploader, b.uploads, blueprint.Batch{Size: 1, MaxConcurrency: intOf(l.m.Bookings, "concurrency", defaultConcurrency)})
}

// notifier tells how bookings end.
func (l *line) notifier() {
	b, n := l.booked, l.m.Notifications
	if b.outcomes == nil {
		return
	}
	webhook := composite.ObjectOf(n, "webhook")
	c := bookings.NotifierConfig{
		Base: l.base, Kept: l.kept(), Topic: textOf(n, "topic_arn", ""), WebhookURL: textOf(webhook, "url", ""), WebhookSecret: textOf(webhook, "secret_arn", ""), GiveUpAfter: notifyFor,
	}
	grants := [][]blueprint.Grant{
		b.outcomes.Consume(), blueprint.Rarely("used where somebody cannot be told at once", b.outcomes.Send()), b.table.Get(), b.table.Put(),
	}
	if c.Topic != "" {
		grants = append(grants, blueprint.PublishTo(c.Topic))
	}
	if c.WebhookSecret != "" {
		grants = append(grants, blueprint.ReadReference(c.WebhookSecret))
	}
	f := l.function("notifier", blueprint.Function{MemoryMB: 256, Timeout: shortTimeout, Environment: config.Environ(c), Grants: append(grants, usesKeys(n))})
	consuming := l.Consume("notifier-outcomes", f, *b.outcomes, blueprint.Batch{Size: 1})
	b.notifying = &consuming
}

// sweeping is what sweeper needs for bookings, beside its own.
func (l *line) sweeping(environment map[string]string) (map[string]string, [][]blueprint.Grant) {
	b := l.booked
	if b == nil {
		return environment, nil
	}
	k := l.kept()
	maps.Copy(environment, config.Environ(bookings.SweeperConfig{BookingsTable: k.BookingsTable, UploadsQueue: k.UploadsQueue, OutcomesQueue: k.OutcomesQueue}))
	return environment, [][]blueprint.Grant{
		b.table.Query(), b.table.Get(), blueprint.Rarely("used where a booking stands still", b.table.Put()),
		blueprint.Rarely("used where a booking is over of which nobody has taken note", b.table.Delete()),
		blueprint.Rarely("used where a booking stands still", b.uploads.Send()), b.tells("used where nobody was told"),
	}
}

// usesKeys grants the use of the KMS keys of what an argument names.
func usesKeys(o types.Object) []blueprint.Grant {
	keys := composite.ElementsOf(composite.Field[types.Set](o, "kms_key_arns"))
	slices.Sort(keys)
	return blueprint.Rarely("used by the services that keep what is encrypted", blueprint.UseKeys(keys...))
}

// bookingAlarms tell that bookings do not get where they should.
func (l *line) bookingAlarms() []blueprint.AlarmHandle {
	b := l.booked
	if b == nil {
		return nil
	}
	// A third party that is down for an hour is not seldom; what waits longer nears
	// the end of its time.
	waits := min(time.Hour, l.m.giveUpBooking()/2)
	alarms := []blueprint.AlarmHandle{
		l.AlarmErrors("creator-errors", b.creator, "The function creator fails; see its log. Bookings wait."),
		l.AlarmMetric("upload-failed", b.uploader.Emitted("UploadFailed", "Sum"), blueprint.Limit{}, "A booking failed: the third party refused its data, or did not take it in time. The booking has the reason; once that is mended, retry it."),
		l.AlarmMetric("uploads-waiting", l.functions["sweeper"].Emitted("OldestUpload", "Maximum"), blueprint.Limit{Threshold: waits.Seconds(), Periods: sweeps}, "Data waits for the third party for too long: it is down, or refuses what may be tried again. See the log of uploader; bookings go on by themselves once it answers, or fail after bookings.give_up_hours."),
		l.AlarmNotEmpty("uploads-given-up", l.aside["uploads-dead-letters"], "uploader itself fails: see its log, mend the cause, and redrive."),
	}
	if b.outcomes != nil {
		alarms = append(alarms,
			l.AlarmMetric("notify-failed", l.functions["notifier"].Emitted("NotifyFailed", "Sum"), blueprint.Limit{}, "How a booking ended was not told to the topic or the webhook for a day, and no more: it is down, or refuses. See the log of notifier; the bookings themselves have it."),
			l.AlarmNotEmpty("outcomes-given-up", l.aside["outcomes-dead-letters"], "notifier itself fails: see its log, mend the cause, and redrive."))
	}
	return alarms
}

// bookingWidgets show bookings at a glance.
func (l *line) bookingWidgets() []blueprint.Widget {
	b := l.booked
	if b == nil {
		return nil
	}
	sweeper := l.functions["sweeper"]
	return []blueprint.Widget{
		blueprint.Figures("Bookings", sweeper.Emitted("WaitingUploads", "Maximum").Labelled("waiting"), b.uploader.Emitted("Uploaded", "Sum").Labelled("uploaded"), b.uploader.Emitted("UploadFailed", "Sum").Labelled("failed")),
		blueprint.Graph("Uploads", b.creator.Emitted("Generated", "Sum").Labelled("generated"), b.uploader.Emitted("UploadRetries", "Sum").Labelled("tried again"), sweeper.Emitted("CircuitOpen", "Maximum").Labelled("circuit open")),
		blueprint.Graph("Delay of uploads", sweeper.Emitted("OldestUpload", "Maximum").Labelled("oldest that waits (s)"), b.uploader.Emitted("UploadDelay", "Maximum").Labelled("until it ended (s)")),
	}
}

// bookingLoad is what bookings cost in a month.
func (l *line) bookingLoad(items, segments float64) {
	b := l.booked
	if b == nil {
		return
	}
	every := time.Duration(intOf(l.m.Bookings, "every_minutes", defaultEvery)) * time.Minute
	l.PerMonth(blueprint.Load{Unit: "look for bookings", Count: blueprint.Month.Minutes()/every.Minutes() + blueprint.Month.Minutes()}, b.table.Gets(2, bookingBytes))
	l.PerMonth(blueprint.Load{Unit: "tick of creator", Count: blueprint.Month.Minutes() / every.Minutes()}, b.creator.Invocations(1, sweepTakes))
	n := composite.Expected(l.m.ExpectedLoad, "bookings_per_month", 0)
	if n == 0 {
		return
	}
	// Each tick that has something to do reads all items once, whatever it has.
	passes := min(n, blueprint.Month.Minutes()/every.Minutes())
	megabytes := max(1, items/(1<<20))
	l.PerMonth(blueprint.Load{Unit: "megabyte of items for bookings", Count: passes * megabytes}, l.items.Scans(1, 1<<20), b.creator.Invocations(mbTakes.Seconds()/creatorTimeout.Seconds(), creatorTimeout))
	of := blueprint.Load{Unit: "booking", Count: n}
	data := items / cmp.Or(segments, 1)
	operations := [][]blueprint.Operation{
		b.table.Puts(bookingMoves, bookingBytes), b.table.Gets(bookingMoves, bookingBytes), l.results.Puts(1), l.results.Gets(1), b.uploads.Sends(1, bookingBytes),
		b.uploading.Takes(of, bookingBytes, uploadTakes), b.uploader.Answers(1, data), b.table.Keeps(1, bookingBytes),
	}
	if b.outcomes != nil {
		operations = append(operations, b.outcomes.Sends(1, bookingBytes), b.notifying.Takes(of, bookingBytes, stageTakes))
	}
	l.PerMonth(of, operations...)
}

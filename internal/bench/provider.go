package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/tfcli"
)

// provider measures the built provider as Terraform runs it: its size, its
// memory, and whole commands.
func (b *bench) provider(ctx context.Context, local *localaws.Local) error {
	binary := filepath.Join(b.root, "build", "bin", "terraform-provider-serverless")
	if err := b.size(binary); err != nil {
		return err
	}
	c := commandBench{local: local, binary: binary}
	// The fixed part of any command: Terraform, the provider's start, a single
	// local resource.
	base, err := c.measure(ctx, 0)
	if err != nil {
		return err
	}
	one, err := c.measure(ctx, 1)
	if err != nil {
		return err
	}
	for i, name := range commandNames {
		b.add("command."+name+"_s", one.seconds[i], "s, for orientation")
		b.add("command."+name+"_ratio", one.seconds[i]/base.seconds[i], "to a configuration without systems")
	}
	b.add("provider.rss_anon_mb", one.memory, "MB, peak, one system")
	ten, err := c.measure(ctx, 10)
	if err != nil {
		return err
	}
	b.atMost("engine.memory_mb", ten.memory, "MB, peak, ten systems", 80)
	return nil
}

// size notes how large the provider is, as a file and as a release zips it.
func (b *bench) size(binary string) error {
	content, err := os.ReadFile(binary) //nolint:gosec // our own program
	if err != nil {
		return fmt.Errorf("run \"make build\" first: %w", err)
	}
	b.add("provider.size_mb", float64(len(content))/1e6, "MB")
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	f, err := w.Create(filepath.Base(binary))
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	b.atMost("provider.zip_mb", float64(packed.Len())/1e6, "MB", 60)
	return nil
}

// commands are those that an engineer waits for, in their order.
var (
	commandNames = []string{"apply", "plan", "change", "destroy"}
	commands     = [][]string{
		{"apply", "-auto-approve", "-input=false", "-no-color"},
		{"plan", "-input=false", "-no-color", "-detailed-exitcode"},
		{"apply", "-auto-approve", "-input=false", "-no-color", "-var=retention=30"},
		{"destroy", "-auto-approve", "-input=false", "-no-color", "-var=retention=30"},
	}
)

// measured are the seconds of each command, and the provider's peak of
// anonymous memory in MB.
type measured struct {
	seconds []float64
	memory  float64
}

type commandBench struct {
	local  *localaws.Local
	binary string
}

// configuration has n voting windows, beside one local resource.
const configuration = `
terraform {
  required_providers {
    serverless = { source = "burstline/serverless" }
  }
}
variable "retention" { default = 14 }
provider "serverless" {}
resource "terraform_data" "local" { input = var.retention }
resource "serverless_voting_window" "bench" {
  count              = %d
  name               = "bench-${count.index}"
  question           = "Who wins?"
  answers            = { a = "Anna", b = "Bruno" }
  opens_at           = "2099-05-22T20:15:00+02:00"
  closes_at          = "2099-05-22T20:25:00+02:00"
  architecture       = %q
  log_retention_days = var.retention
  force_destroy      = true
}
`

// measure runs all commands on a configuration with n systems.
func (c commandBench) measure(ctx context.Context, n int) (measured, error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return measured{}, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), fmt.Appendf(nil, configuration, n, architecture()), 0o600); err != nil {
		return measured{}, err
	}
	account := fmt.Sprintf("33333333%04d", n)
	work, err := tfcli.New(dir, c.binary, "AWS_ACCESS_KEY_ID="+account, "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION="+region, "AWS_ENDPOINT_URL="+c.local.Endpoint())
	if err != nil {
		return measured{}, err
	}
	if _, err := work.Run(ctx, "init", "-input=false", "-no-color"); err != nil {
		return measured{}, err
	}
	out := measured{}
	watch := watchMemory(ctx, c.binary)
	for _, args := range commands {
		began := time.Now()
		if _, err := work.Run(ctx, args...); err != nil {
			return measured{}, err
		}
		out.seconds = append(out.seconds, time.Since(began).Seconds())
	}
	if out.memory = watch(); out.memory == 0 {
		return measured{}, errors.New("the provider's memory could not be read")
	}
	left, err := localaws.Inventory(ctx, c.local.Config(region, account))
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("the account is not empty: %v", left)
	}
	return out, err
}

// watchMemory samples the anonymous memory of every process of a binary, in MB;
// the returned function stops and gives the peak.
func watchMemory(ctx context.Context, binary string) func() float64 {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var peak float64
	wg.Go(func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			peak = max(peak, rssAnon(binary))
		}
	})
	return func() float64 {
		cancel()
		wg.Wait()
		return peak
	}
}

func rssAnon(binary string) float64 {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return 0
	}
	total := 0.0
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != binary {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(link), "status"))
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(status), "\n") {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "RssAnon:" {
				if kb, err := strconv.Atoi(fields[1]); err == nil {
					total += float64(kb) / 1024
				}
			}
		}
	}
	return total
}

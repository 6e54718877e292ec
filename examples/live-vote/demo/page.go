package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// pageVoters vote through the page, one after the other.
var pageVoters = []struct{ voter, answer string }{{"80000001", "anna"}, {"80000002", "bruno"}, {"80000003", "cleo"}}

// page votes through the real page in headless Chromium and takes its picture,
// and that of the studio view.
func (d *evening) page(ctx context.Context) error {
	pictures := filepath.Join(d.Root, "build", "demo")
	if err := os.MkdirAll(pictures, 0o750); err != nil {
		return err
	}
	d.Say("voting through the page at %s", d.Text("page_url"))
	proxy, err := d.Local.BrowserProxy(ctx)
	if err != nil {
		return err
	}
	defer proxy.Close() //nolint:errcheck // nothing is left to be said
	for i, v := range pageVoters {
		arguments := []string{filepath.Join(d.Root, "internal", "site", "votingwindow", "cast.mjs"), "--url", d.Text("page_url"), "--voter", v.voter, "--answer", v.answer, "--proxy", proxy.URL}
		if i == len(pageVoters)-1 {
			arguments = append(arguments, "--screenshot", filepath.Join(pictures, "page.png"), "--studio", filepath.Join(pictures, "studio.png"))
		}
		out, err := exec.CommandContext(ctx, "node", arguments...).CombinedOutput() //nolint:gosec // our own script
		if err != nil {
			return fmt.Errorf("vote through the page: %w: %s", err, strings.TrimSpace(string(out)))
		}
	}
	d.onPage = len(pageVoters)
	d.Say("%d votes through the page; pictures in %s", d.onPage, pictures)
	return nil
}

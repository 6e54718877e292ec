package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// page looks at the real page in headless Chromium, with the largest segment, and
// takes its pictures.
func (u *upload) page(ctx context.Context) error {
	pictures := filepath.Join(u.Root, "build", "demo")
	if err := os.MkdirAll(pictures, 0o750); err != nil {
		return err
	}
	country := largest(u.places)
	u.Say("looking for %s on the page at %s", country, u.Text("page_url"))
	proxy, err := u.Local.BrowserProxy(ctx)
	if err != nil {
		return err
	}
	defer proxy.Close() //nolint:errcheck // nothing is left to be said
	arguments := []string{
		filepath.Join(u.Root, "internal", "site", "pipeline", "look.mjs"), "--url", u.Text("page_url"), "--segment", country, "--proxy", proxy.URL,
		"--screenshot", filepath.Join(pictures, "segments.png"), "--figures", filepath.Join(pictures, "segment.png"),
	}
	look := exec.CommandContext(ctx, "node", arguments...) //nolint:gosec // our own script
	look.Env = append(os.Environ(), "API_KEY="+u.secrets.apiKey)
	out, err := look.CombinedOutput()
	if err != nil {
		return fmt.Errorf("look at the page: %w: %s", err, strings.TrimSpace(string(out)))
	}
	if want := fmt.Sprintf("%d segments", len((&expected{places: u.places}).countries())); !strings.Contains(string(out), want) {
		return fmt.Errorf("the page should show %s; it says: %s", want, strings.TrimSpace(string(out)))
	}
	u.Say("it shows them all; pictures in %s", pictures)
	return nil
}

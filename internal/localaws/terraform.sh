#!/usr/bin/env bash
# Makes sure that there is a Terraform or an OpenTofu: the one on the PATH, or
# OpenTofu of the given version, built from its Go module into the given folder.
# With a third argument, only OpenTofu will do.
set -euo pipefail
bin=$1 version=$2 only=${3-}
if [ -z "$only" ] && command -v terraform >/dev/null || command -v tofu >/dev/null || [ -x "$bin/tofu" ]; then exit 0; fi
echo "==> building OpenTofu $version from its Go module (some minutes, once)"
go mod download "github.com/opentofu/opentofu@v$version"
module=$(go env GOMODCACHE)/github.com/opentofu/opentofu@v$version
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cp -R "$module/." "$work"
chmod -R u+w "$work"
mkdir -p "$bin"
out=$(cd "$bin" && pwd)/tofu
(cd "$work" && CGO_ENABLED=0 GOFLAGS=-buildvcs=false go build -trimpath -o "$out" ./cmd/tofu 2> >(grep -v '^go: downloading' >&2))

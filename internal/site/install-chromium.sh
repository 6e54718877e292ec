#!/usr/bin/env bash
# Makes sure that there is a Chromium for the tests of the pages: the one that CHROMIUM names, one on the PATH, or the
# system's package: its headless shell, where it has one.
set -euo pipefail
if [ -n "${CHROMIUM-}" ] || command -v chromium-headless-shell || command -v chromium || command -v chromium-browser || command -v google-chrome; then exit 0; fi >/dev/null
command -v apt-get >/dev/null || { echo 'Chromium is missing, and there is no apt-get. Install it and set CHROMIUM to its path.'; exit 1; }
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo '==> installing Chromium'
$sudo apt-get update -qq >/dev/null
package=chromium
if apt-cache show chromium-headless-shell >/dev/null 2>&1; then package=chromium-headless-shell; fi
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$package" fonts-dejavu-core >/dev/null

#!/usr/bin/env bash
# Installs lavapipe, Mesa's software Vulkan driver, new enough for Dawn (Mesa 25) on Debian 12.
# Debian 12's own Mesa 22.3 is refused by Dawn, so it comes from bookworm-backports; that source
# is derived from the machine's own Debian source, so that its mirror and keys are kept.
set -euo pipefail

fail() { echo "setup-lavapipe: $*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || fail "lavapipe is for Linux; macOS and Windows use their own GPU driver."
# shellcheck source=/dev/null
. /etc/os-release 2> /dev/null || fail "this Linux has no /etc/os-release; install Mesa 25 or newer (lavapipe) with its package manager."
if [ "${ID:-}" != debian ] || [ "${VERSION_ID:-}" != 12 ]; then
  fail "made for Debian 12, this is ${PRETTY_NAME:-another system}. Install Mesa 25 or newer and" \
    "the Vulkan loader with its package manager (Debian 13: apt-get install mesa-vulkan-drivers" \
    "libvulkan1), or do nothing: the SwiftShader from npm is used on linux x64."
fi
[ "$(id -u)" = 0 ] || fail "needs root to install packages; run: sudo npm run setup:lavapipe"

icd=/usr/share/vulkan/icd.d
version=$(dpkg-query -W -f '${Version}' mesa-vulkan-drivers 2> /dev/null || true)
if [ -n "$version" ] && dpkg --compare-versions "$version" ge 25 && ls $icd/lvp_icd*.json > /dev/null 2>&1; then
  echo "setup-lavapipe: Mesa $version is already installed."
  exit 0
fi

sources=/etc/apt/sources.list.d
if ! grep -rqs bookworm-backports /etc/apt/sources.list $sources; then
  if [ -f $sources/debian.sources ]; then
    awk 'BEGIN { RS = ""; ORS = "\n\n" }
         /Suites:[^\n]* ?bookworm( |\n)/ { sub(/Suites:[^\n]*/, "Suites: bookworm-backports"); print; exit }' \
      $sources/debian.sources > $sources/thermograd-backports.sources
    [ -s $sources/thermograd-backports.sources ] || fail "no bookworm suite in $sources/debian.sources."
  elif [ -f /etc/apt/sources.list ]; then
    awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i == "bookworm") { $i = "bookworm-backports"; print; exit } }' \
      /etc/apt/sources.list > $sources/thermograd-backports.list
    [ -s $sources/thermograd-backports.list ] || fail "no bookworm suite in /etc/apt/sources.list."
  else
    fail "no Debian package source found in /etc/apt."
  fi
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -t bookworm-backports \
  mesa-vulkan-drivers libvulkan1 > /dev/null
ls $icd/lvp_icd*.json

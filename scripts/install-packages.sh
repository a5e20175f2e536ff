#!/bin/sh
# Installs the Debian packages that the build and the tests need, if any is missing.
set -eu
packages="libzstd-dev liblz4-dev zlib1g-dev libsimdjson-dev libre2-dev libssl-dev libsqlite3-dev librdkafka-dev pkg-config zstd python3-venv curl jq nodejs"
missing=""
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
echo "installing:$missing"
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
$sudo apt-get update -qq
# shellcheck disable=SC2086 -- the list is meant to be split
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null

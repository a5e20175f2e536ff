#!/bin/sh
# swift.sh ARGUMENTS: runs swift with a folder of its own for temporary files, and removes it: the package manager leaves
# an empty folder behind for each manifest it reads.
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/laminar-build.XXXXXX") || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
swift "$@"

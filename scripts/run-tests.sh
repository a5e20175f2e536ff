#!/usr/bin/env bash
# run-tests.sh FOLDER: runs every test of the build in FOLDER.
#
# In groups, one after the other: all tests of a group begin at once, and those that compute would keep those that look at the
# clock from their turn. Tests over Kafka mostly wait for their brokers: they run in a process of their own beside the first
# groups. What measures a server comes last and alone.
set -uo pipefail
cd "$(dirname "$0")/.."
folder=$1
group() { scripts/swift.sh test -c release --scratch-path "$folder" --skip-build --ignore-lock "$@"; }

# A process group of its own, so that it can be ended as a whole.
set -m
group --filter '^KafkaTests\.' >"$folder/kafka.log" 2>&1 &
kafka=$!
set +m
trap 'kill -- -$kafka 2>/dev/null' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$folder/release/sqltest" sql-tests || exit
group --skip '^(EngineTests|APIClientTests|KafkaTests|SQLTests|ControlPlaneTests|RESTAPITests|APITests)\.' || exit
wait $kafka
status=$?
cat "$folder/kafka.log"
[ $status -eq 0 ] || exit $status
for names in 'EngineTests|APIClientTests' SQLTests 'ControlPlaneTests|RESTAPITests' APITests; do
    group --filter "^($names)\." || exit
done

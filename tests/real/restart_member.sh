#!/bin/sh
# The hook of an etcd member: stops it, lets its supervisor start it again, and comes back when it is healthy.
# Usage: restart_member.sh DIRECTORY MEMBER; the directory has MEMBER.pid and MEMBER.health, a command that asks it.
set -eu
cd "$1"
test -e "$2.pid" || exit 0 # nothing runs yet
old=$(cat "$2.pid")
echo "$2" >>restarts
kill "$old"
while [ "$(cat "$2.pid")" = "$old" ]; do sleep 0.05; done
until sh "$2.health" >"$2.health.log" 2>&1; do sleep 0.1; done

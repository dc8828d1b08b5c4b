# Runs a server for a test process: guard.sh <log or ""> <folder or ""> <program> <argument>...
# The test process holds the other end of standard input. When that closes, however the test
# process ended, the server is killed and its folder removed. The first line of standard output
# is the server's process id; the exit code is the server's.
log=$1
folder=$2
shift 2
exec 3<&0

sh -c '
    echo $$
    log=$1
    shift
    if [ -n "$log" ]; then exec >>"$log" 2>&1; fi
    exec "$@"
' server "$log" "$@" </dev/null 3<&- &
server=$!

# From the end of the pipe on it must not be stopped itself, or the folder would stay.
{
    read -r _
    trap "" TERM
    kill -KILL "$server"
    true
} <&3 >/dev/null 2>&1 &
watcher=$!

wait "$server" 2>/dev/null
code=$?
kill "$watcher" 2>/dev/null
if wait "$watcher" 2>/dev/null && [ -n "$folder" ]; then rm -rf -- "$folder"; fi
exit "$code"

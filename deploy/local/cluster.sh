#!/usr/bin/env bash
# A cluster on this machine: two APIs and three gateways behind a front without stickiness, with
# one mongod and one nats-server of their own (or those of MONGODB_URI and NATS_URL).
#
#   BINARIES   where the binaries are             target/release
#   DATA_DIR   databases, logs, the secret        .data/cluster
#   PORT       of the front                       8000
#
# Everything listens on 127.0.0.1. Ctrl-C or SIGTERM stops it all; the data stays.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
binaries=${BINARIES:-$root/target/release}
port=${PORT:-8000}
mkdir -p "${DATA_DIR:-$root/.data/cluster}"
data=$(cd "${DATA_DIR:-$root/.data/cluster}" && pwd)

# The templates of the front name the same ports.
api_ports=(8101 8102)
gateway_ports=(8201 8202 8203)
READY_SECONDS=60
STOP_SECONDS=30

names=() # of what was started, in that order
pids=()

# A terminal that is gone must not keep anything from being stopped.
say() {
    echo "cluster: $*" || true
}

fail() {
    echo "cluster: $*" >&2
    exit 1
}

# start NAME COMMAND...: in the background, its output in a log of that name.
start() {
    local name=$1
    shift
    # A process group of its own: Ctrl-C is for this script, which stops them in their order.
    set -m
    "$@" >"$data/$name.log" 2>&1 </dev/null &
    set +m
    names+=("$name")
    pids+=($!)
    # This script itself says what ended; the shell need not.
    disown $!
}

is_running() {
    kill -0 "$1" 2>/dev/null
}

# stop INDEX: SIGTERM, then SIGKILL after a while.
stop() {
    local pid=${pids[$1]} tick
    is_running "$pid" || return 0
    kill -TERM "$pid" 2>/dev/null || return 0
    for ((tick = 0; tick < STOP_SECONDS * 10; tick++)); do
        is_running "$pid" || return 0
        sleep 0.1
    done
    say "killing ${names[$1]}, which does not end"
    kill -KILL "$pid" 2>/dev/null || true
}

# The front first, then gateways and APIs at once, the servers that they need last.
stop_all() {
    local index stopping=()
    trap '' HUP INT TERM PIPE
    set +e
    ((${#pids[@]})) || return 0
    say "stopping"
    for ((index = ${#pids[@]} - 1; index > 0; index--)); do
        if [[ ${names[index]} == front ]]; then
            stop "$index"
        else
            stop "$index" &
            stopping+=($!)
        fi
    done
    for index in "${stopping[@]}"; do
        wait "$index" 2>/dev/null || true
    done
    stop 0
    say "stopped, the data stays in $data"
}

# wait_until WHAT COMMAND...: polls the command; gives up after a bound or when a child has died.
wait_until() {
    local what=$1 index tick
    shift
    for ((tick = 0; tick < READY_SECONDS * 5; tick++)); do
        "$@" && return 0
        for index in "${!pids[@]}"; do
            is_running "${pids[index]}" && continue
            tail -n 5 "$data/${names[index]}.log" >&2
            fail "${names[index]} ended while starting, see $data/${names[index]}.log"
        done
        sleep 0.2
    done
    fail "$what is not ready after $READY_SECONDS s, see the logs in $data"
}

answers() {
    curl --silent --fail --output /dev/null --max-time 2 "$1"
}

servers_are_ready() {
    grep -q '^READY$' "$data/servers.log"
}

value_of() {
    sed -n "s/^$1=//p" "$data/servers.log"
}

check_requirements() {
    local program
    command -v curl >/dev/null || fail "curl is missing (on Debian: apt-get install curl)"
    for program in messaging-servers messaging-api messaging-gateway messaging-token; do
        [[ -x $binaries/$program ]] || fail "$binaries/$program is missing: run \`make cluster\`"
    done
}

# One secret for all replicas, kept so that tokens outlive a restart.
load_secret() {
    local file=$data/jwt-secret
    if [[ -z ${JWT_SECRET:-} ]]; then
        [[ -s $file ]] || (umask 077 && head -c 48 /dev/urandom | base64 -w 0 >"$file")
        JWT_SECRET=$(<"$file")
    fi
    export JWT_SECRET
}

start_servers() {
    say "starting mongod and nats-server"
    start servers env DATA_DIR="$data" "$binaries/messaging-servers"
    wait_until "servers" servers_are_ready
    MONGODB_URI=$(value_of MONGODB_URI)
    NATS_URL=$(value_of NATS_URL)
    export MONGODB_URI NATS_URL
}

start_replicas() {
    local number each
    export CORS_ORIGINS=${CORS_ORIGINS:-http://localhost:3000,http://localhost:$port}
    for number in "${!api_ports[@]}"; do
        start "api-$((number + 1))" env BIND_ADDR="127.0.0.1:${api_ports[number]}" \
            "$binaries/messaging-api"
    done
    for number in "${!gateway_ports[@]}"; do
        start "gateway-$((number + 1))" env BIND_ADDR="127.0.0.1:${gateway_ports[number]}" \
            GATEWAY_ID="gateway-$((number + 1))" "$binaries/messaging-gateway"
    done
    for each in "${api_ports[@]}" "${gateway_ports[@]}"; do
        wait_until "port $each" answers "http://127.0.0.1:$each/health/ready"
        say "ready on port $each"
    done
}

# fill TEMPLATE: the front's configuration, in the data folder.
fill() {
    sed -e "s|@PORT@|$port|g" -e "s|@FOLDER@|$data|g" -e "s|@FRONT@|$root/deploy/front|g" "$here/$1.template" >"$data/$1"
}

# The front is what Debian has; sbin is not on everybody's PATH.
start_front() {
    local PATH=$PATH:/usr/sbin:/usr/local/sbin
    if command -v haproxy >/dev/null; then
        fill haproxy.cfg
        start front haproxy -db -f "$root/deploy/front/haproxy-defaults.cfg" -f "$data/haproxy.cfg"
    elif command -v nginx >/dev/null; then
        fill nginx.conf
        start front nginx -e stderr -p "$data" -c "$data/nginx.conf"
    else
        say "no front on port $port: install haproxy or nginx (apt-get install haproxy)"
        return 0
    fi
    wait_until "front" answers "http://127.0.0.1:$port/health/ready"
}

token() {
    "$binaries/messaging-token" --sub "$1" --role "$2" --expires-in 7d
}

provision() {
    curl --silent --show-error --fail --output /dev/null --max-time 10 -X PUT \
        "http://127.0.0.1:${api_ports[0]}/api/contracts/demo" \
        -H "Authorization: Bearer $(token demo-platform service)" \
        -H "Content-Type: application/json" \
        -d '{"clientId": "demo-client", "freelancerId": "demo-freelancer", "title": "Demo",
             "milestones": [{"id": "design", "title": "First draft"}]}' ||
        fail "the demo contract could not be provisioned, see $data/api-1.log"
}

print_summary() {
    local front="http://localhost:$port"
    [[ " ${names[*]} " == *" front "* ]] || front="none (see above)"
    cat <<TEXT

The cluster is ready.

  front       $front
  APIs        ${api_ports[*]/#/http://127.0.0.1:}
  gateways    ${gateway_ports[*]/#/http://127.0.0.1:}
  MongoDB     $MONGODB_URI
  NATS        $NATS_URL
  logs        $data

Contract "demo" with milestone "design", two users:

  demo-client
  $(token demo-client client)

  demo-freelancer
  $(token demo-freelancer freelancer)

Ctrl-C stops everything.
TEXT
}

# Returns when a child has died; a signal ends the script by its trap instead.
watch_over() {
    local index
    while true; do
        for index in "${!pids[@]}"; do
            if ! is_running "${pids[index]}"; then
                tail -n 5 "$data/${names[index]}.log" >&2
                fail "${names[index]} ended by itself, see $data/${names[index]}.log"
            fi
        done
        # Waiting is what a signal interrupts at once; a sleep in the foreground is not.
        sleep 1 &
        wait $! || true
    done
}

# A connection takes a file at the front (two) and at its gateway.
ulimit -Sn "$(ulimit -Hn)"
trap stop_all EXIT
trap 'exit 0' HUP INT TERM
check_requirements
load_secret
start_servers
start_replicas
start_front
provision
print_summary
watch_over

# Sourced by the tests of the packages.

fail() { echo "FAILED: $*" >&2; exit 1; }

# wait_for SECONDS WHAT LOG COMMAND...
wait_for() {
    local end=$((SECONDS + $1)) what=$2 log=$3
    shift 3
    until "$@"; do
        ((SECONDS < end)) || fail "$what did not happen: $(cat "$log")"
        sleep 0.1
    done
}

# The address that the server with this data folder says it listens at.
address_in() { grep -oE 'https?://[0-9.:]*' "$1/server.json"; }

# ask ADDRESS KEY: one streamed request, which the demo provider answers; it has to end whole.
ask() {
    local answer
    answer=$(curl -sS --max-time 20 "$1/v1/messages" -H "x-api-key: $2" -H 'content-type: application/json' \
        -d '{"model":"claude-demo","max_tokens":64,"stream":true,"messages":[{"role":"user","content":"Hello"}]}' 2>&1) || true
    grep -q '^event: message_stop' <<<"$answer" || fail "no whole answer from $1: $answer"
}

# end_server PID: as the service manager ends it; it has to end by itself, and well.
end_server() {
    local code=0
    kill -TERM "$1"
    wait_for 40 'the end of the server' /dev/null eval "! kill -0 $1 2>/dev/null"
    wait "$1" || code=$?
    ((code == 0)) || fail "the server ended with $code"
}

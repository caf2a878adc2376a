#!/usr/bin/env bash
# service_config.sh: the annotated configuration as a service has it, with the data in /var/lib/lurus.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
sed 's|^#data_dir = .*|data_dir = "/var/lib/lurus"|' "$root/config/lurus.toml" |
    awk '/^data_dir/ { found++ } { print } END { if (found != 1) { print "service_config: no line for data_dir" >"/dev/stderr"; exit 1 } }'

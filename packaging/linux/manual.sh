#!/usr/bin/env bash
# manual.sh LURUS FOLDER: the manual pages lurus(1), from what each command says with --help, and lurus.toml(5), from the
# annotated configuration. SOURCE_DATE_EPOCH is their date.
set -euo pipefail
lurus=$1 to=$2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
date=$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)
version=$("$lurus" version)

# Help goes to a pipe, without colours, and knows no folder of who builds.
help_of() { env -i NO_COLOR=1 HOME=/nonexistent "$lurus" "$@" --help; }

# A section of a help text: the indented lines below `Title:`.
section() { awk -v title="$1:" '$0 == title { on = 1; next } /^[^ ]/ { on = 0 } on && NF'; }

text() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\([.']\)/\\\\\&\1/"; }

# `  --name VALUE   What it is`, where a long name leaves what it is to the next line.
options() {
    text | awk '
        function put(line) { sub(/^ +/, "", line); print (line ~ /^[.\047]/ ? "\\&" : "") line }
        /^                / { put($0); next }
        { sub(/^  /, ""); at = match($0, /  +/)
          print ".TP\n.B " (at ? substr($0, 1, at - 1) : $0)
          if (at) put(substr($0, at)) }'
}

# Without the options that every command has.
command_page() {
    local help sub title
    help=$(help_of "$@")
    echo ".SS \"lurus $*\""
    head -n 1 <<<"$help" | text
    while IFS= read -r title; do
        [[ $title == Positionals || $title == Options ]] || printf '.PP\n%s:\n' "$title"
        section "$title" <<<"$help" | options
    done < <(sed -n 's/^\([A-Z][a-zA-Z ]*\):$/\1/p' <<<"$help" | grep -vxE 'Global options|Subcommands|Examples')
    while read -r sub _; do command_page "$@" "$sub"; done < <(section Subcommands <<<"$help" | grep '^  [a-z]')
}

lurus_1() {
    local help command
    help=$(help_of)
    cat <<END
.TH LURUS 1 "$date" "$version" "User commands"
.SH NAME
lurus \\- gateway between AI clients and model vendors
.SH SYNOPSIS
.B lurus
.RI [ options ]
.I command
.RI [ arguments ]
.SH DESCRIPTION
$(head -n 1 <<<"$help" | text)
.PP
.B lurus serve
is the server; the other commands talk to it, or work on its data folder while it does not run.
.SH OPTIONS
$(section 'Global options' <<<"$help" | options)
.SH COMMANDS
END
    while read -r command _; do command_page "$command"; done < <(section Subcommands <<<"$help" | grep '^  [a-z]')
    cat <<END
.SH EXIT STATUS
$(sed -n 's/^Exit codes: //p' <<<"$help" | text)
.SH FILES
.TP
.I /etc/lurus/lurus.toml
The configuration, see
.BR lurus.toml (5).
.TP
.I /etc/lurus/lurus.env
Variables of the service lurus.service, such as vendors' keys.
.TP
.I /var/lib/lurus
The data of the service.
.TP
.I ~/.config/lurus/lurus.toml, ~/.local/share/lurus
Configuration and data of a server that somebody runs in a terminal.
.SH EXAMPLES
.EX
$(section Examples <<<"$help" | text)
.EE
.SH SEE ALSO
.BR lurus.toml (5)
END
}

lurus_toml_5() {
    cat <<END
.TH LURUS.TOML 5 "$date" "$version" "File formats"
.SH NAME
lurus.toml \\- configuration of Lurus Switch
.SH SYNOPSIS
.I /etc/lurus/lurus.toml
.SH DESCRIPTION
Nothing has to be configured.
.B lurus config check
reads the file and tells every mistake at once;
.B lurus config show
prints what is in force. This is every option with its default:
.PP
.EX
$(text <"$root/config/lurus.toml")
.EE
.SH SEE ALSO
.BR lurus (1)
END
}

mkdir -p "$to/man1" "$to/man5"
lurus_1 >"$to/man1/lurus.1"
lurus_toml_5 >"$to/man5/lurus.toml.5"
gzip -9n "$to/man1/lurus.1" "$to/man5/lurus.toml.5"

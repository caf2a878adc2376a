# To be sourced: Wine with a prefix of its own in build/windows, ended when the script ends.
export WINEPREFIX=${LURUS_WINEPREFIX:-$PWD/build/windows/wine} WINEDEBUG=${WINEDEBUG:--all} WINEDLLOVERRIDES='mscoree,mshtml='
command -v wine >/dev/null || {
    echo 'windows: there is no wine (Debian: wine64, wine)' >&2
    exit 1
}
wineserver=$(command -v wineserver || echo /usr/lib/wine/wineserver)
mkdir -p "$WINEPREFIX"
"$wineserver" -p300 || (($? == 2)) # stays between programs, since each start takes a second; 2: there is one
trap '"$wineserver" -k || true' EXIT
[[ -e $WINEPREFIX/system.reg ]] || timeout 300 wine wineboot --init >"$WINEPREFIX/../wineboot.log" 2>&1 || {
    cat "$WINEPREFIX/../wineboot.log" >&2
    exit 1
}
# The first program starts Wine's services, which keep its standard error open, so a test that waited for the end of that would wait
# for theirs.
timeout 300 wine cmd /c exit </dev/null >/dev/null 2>&1

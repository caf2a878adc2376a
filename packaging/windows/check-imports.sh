#!/usr/bin/env bash
# check-imports.sh EXE: fails when it needs a DLL that is no part of Windows itself (10 and Server 2016, without any feature added).
set -euo pipefail
exe=${1:?check-imports.sh EXE}
system='advapi32 bcrypt bcryptprimitives cfgmgr32 combase crypt32 dnsapi fwpuclnt iphlpapi kernel32 mpr msvcrt mswsock ncrypt netapi32 normaliz ntdll ole32
 oleaut32 psapi rpcrt4 sechost secur32 shell32 shlwapi ucrtbase user32 userenv version winmm winhttp wldap32 ws2_32 wtsapi32'
dlls=$(x86_64-w64-mingw32-objdump -p "$exe" | sed -n 's/^\s*DLL Name: \(.*\)$/\L\1/p' | sort -u)
[[ -n $dlls ]] || { echo "$exe: it imports nothing, so it is no executable for Windows" >&2; exit 1; }
foreign=()
for dll in $dlls; do
    grep -qwF -- "${dll%.dll}" <<<"$system" || [[ $dll == api-ms-win-*.dll ]] || foreign+=("$dll")
done
if ((${#foreign[@]})); then
    echo "$exe: it needs what Windows does not have: ${foreign[*]}" >&2
    exit 1
fi
echo "$exe: imports $(echo $dlls | tr '\n' ' ')" >&2

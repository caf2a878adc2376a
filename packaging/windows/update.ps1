#Requires -Version 5.1
<#
.SYNOPSIS
Replaces the installed lurus.exe by another one and goes back when that one does not become ready.
.DESCRIPTION
`lurus update` does it: it lets running answers end, swaps the files, starts the service and waits until it is ready.
Where a SHA256SUMS stands beside the file, its checksum is compared first.
The exit code is that of `lurus update`; 1 when it was not reached.
.PARAMETER File
An executable, or the archive lurus-VERSION-windows-x86_64.zip.
.PARAMETER Name
The service that runs it.
.PARAMETER AllowDowngrade
Also to an older version.
.PARAMETER TimeoutSeconds
How long it may take until the new one is ready.
.PARAMETER Exe
The installed executable, when it is not in Program Files.
.EXAMPLE
.\update.ps1 C:\Downloads\lurus-1.2.0-windows-x86_64.zip
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory, Position = 0)] [string] $File,
    [string] $Name = 'lurus',
    [string] $Exe,
    [switch] $AllowDowngrade,
    [ValidateRange(1, 86400)] [int] $TimeoutSeconds = 60
)
$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'common.ps1')

$unpacked = $null
$code = 0
try {
    if (-not $WhatIfPreference -and -not (Test-Administrator)) {
        throw 'this needs an administrator: start PowerShell with "Run as administrator"'
    }
    if (-not (Test-Path -LiteralPath $File -PathType Leaf)) { throw "there is no $File" }
    $File = (Resolve-Path -LiteralPath $File).ProviderPath
    if (-not $Exe) { $Exe = Join-Path $env:ProgramFiles 'Lurus\lurus.exe' }
    $installed = Find-Lurus $Exe

    $sums = Join-Path (Split-Path -Parent $File) 'SHA256SUMS'
    if (Test-Path -LiteralPath $sums) {
        $leaf = Split-Path -Leaf $File
        $line = Get-Content -LiteralPath $sums | Where-Object { ($_ -split '\s+\*?', 2)[1] -eq $leaf } | Select-Object -First 1
        if ($line -and ($line -split '\s+')[0] -ne (Get-FileHash -Algorithm SHA256 -LiteralPath $File).Hash) {
            throw "$File is not what SHA256SUMS says: download it again"
        }
    }
    if ($PSCmdlet.ShouldProcess($installed, "replace by $File")) {
        $new = $File
        if ([IO.Path]::GetExtension($File) -eq '.zip') {
            $unpacked = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid().ToString())
            Expand-Archive -LiteralPath $File -DestinationPath $unpacked
            $found = @(Get-ChildItem -LiteralPath $unpacked -Recurse -File -Filter 'lurus.exe')
            if ($found.Count -ne 1) { throw "$File holds no lurus.exe" }
            $new = $found[0].FullName
        }
        $arguments = @('update', $new, '--name', $Name, '--timeout', $TimeoutSeconds)
        if ($AllowDowngrade) { $arguments += '--allow-downgrade' }
        & $installed @arguments | Out-Host
        $code = $LASTEXITCODE
    }
}
catch {
    [Console]::Error.WriteLine("update: $($_.Exception.Message)")
    $code = 1
}
finally {
    if ($unpacked -and (Test-Path -LiteralPath $unpacked)) { Remove-Item -Recurse -Force -LiteralPath $unpacked }
}
exit $code

#Requires -Version 5.1
<#
.SYNOPSIS
Says which of lurus and the services beside it run, and whether lurus answers.
.DESCRIPTION
Exit code 0: all that are installed run, and lurus is ready. 1: something does not. 2: none of them is installed.
.PARAMETER Services
Names or patterns, in the order of start-all.ps1.
.PARAMETER Lurus
Which of them is lurus.
.PARAMETER Json
The same as JSON, for scripts.
.EXAMPLE
.\status.ps1
.EXAMPLE
.\status.ps1 -Json | ConvertFrom-Json
#>
[CmdletBinding()]
param(
    [string[]] $Services,
    [string] $Lurus = 'lurus',
    [string] $Exe,
    [string] $ReadyUrl = 'http://127.0.0.1:18100/ready',
    [switch] $Json
)
$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'common.ps1')

try {
    $stack = @(Get-Stack $Services $Lurus)
    if ($stack.Count -eq 0) {
        [Console]::Error.WriteLine('status: none of the services is installed')
        exit 2
    }
    $rows = @(foreach ($service in $stack) {
            $ready = $null
            if ($service.Name -eq $Lurus) { $ready = $service.Status -eq 'Running' -and (Wait-Ready $ReadyUrl 1) }
            [PSCustomObject] @{
                Name      = $service.Name
                Status    = [string] $service.Status
                StartType = [string] $service.StartType
                Ready     = $ready
            }
        })
    if ($Json) { ConvertTo-Json -InputObject $rows }
    else {
        $rows | Format-Table -AutoSize | Out-Host
        # It says more of itself, and that it is stopped by its exit code, which the table says too.
        if ($rows.Name -contains $Lurus) { & (Find-Lurus $Exe) service status --name $Lurus | Out-Host }
    }
    if (@($rows | Where-Object { $_.Status -ne 'Running' -or $_.Ready -eq $false }).Count -gt 0) { exit 1 }
}
catch {
    [Console]::Error.WriteLine("status: $($_.Exception.Message)")
    exit 1
}
exit 0

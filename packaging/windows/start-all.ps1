#Requires -Version 5.1
<#
.SYNOPSIS
Starts lurus and the services that run beside it on this server, in order, and waits for each.
.DESCRIPTION
Services that run already are left alone, so it can be run again at any time. Those that are not installed are left out.
Exit code 0: all of them run. 1: one did not start in time; those before it run, those after it were not started.
.PARAMETER Services
Names or patterns, in the order in which they are started. The others' own names for them: see Get-Service.
.PARAMETER Lurus
Which of them is lurus: it is started by `lurus service start`, and the next one waits until it answers at ReadyUrl.
.PARAMETER TimeoutSeconds
How long each of them may take.
.EXAMPLE
.\start-all.ps1
.EXAMPLE
.\start-all.ps1 -Services postgresql-x64-16, Redis, nats-server, new-api, lurus, caddy -WhatIf
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [string[]] $Services,
    [string] $Lurus = 'lurus',
    [string] $Exe,
    [string] $ReadyUrl = 'http://127.0.0.1:18100/ready',
    [ValidateRange(1, 3600)] [int] $TimeoutSeconds = 120
)
$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'common.ps1')

try {
    $stack = @(Get-Stack $Services $Lurus)
    if ($stack.Count -eq 0) { throw 'none of the services is installed' }
    foreach ($service in $stack) {
        if ($service.Status -eq 'Running' -and $service.Name -ne $Lurus) {
            Write-Output "$($service.Name): runs already"
            continue
        }
        if (-not $PSCmdlet.ShouldProcess($service.Name, 'start')) { continue }
        if ($service.Name -eq $Lurus) {
            if ($service.Status -ne 'Running') {
                Invoke-Lurus (Find-Lurus $Exe) @('service', 'start', '--name', $Lurus, '--timeout', $TimeoutSeconds)
            }
            if (-not (Wait-Ready $ReadyUrl $TimeoutSeconds)) {
                throw "$Lurus does not answer at $ReadyUrl after $TimeoutSeconds s: see lurus service logs --name $Lurus"
            }
            Write-Output "$($service.Name): ready at $ReadyUrl"
            continue
        }
        if ($service.Status -ne 'StartPending') { Start-Service -InputObject $service }
        $service.WaitForStatus('Running', [TimeSpan]::FromSeconds($TimeoutSeconds))
        Write-Output "$($service.Name): started"
    }
}
catch {
    [Console]::Error.WriteLine("start-all: $($_.Exception.Message)")
    exit 1
}
exit 0

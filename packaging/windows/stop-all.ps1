#Requires -Version 5.1
<#
.SYNOPSIS
Stops lurus and the services that run beside it on this server: the door to the outside first, the databases last.
.DESCRIPTION
lurus is stopped by `lurus service stop`, which lets running answers end. Services that are stopped already are left alone.
Exit code 0: none of them runs. 1: one did not stop; those after it in the order were left running.
.PARAMETER Services
Names or patterns, in the order of start-all.ps1; they are stopped in reverse.
.PARAMETER Lurus
Which of them is lurus.
.PARAMETER TimeoutSeconds
How long each of them may take.
.EXAMPLE
.\stop-all.ps1
.EXAMPLE
.\stop-all.ps1 -Services lurus, caddy
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [string[]] $Services,
    [string] $Lurus = 'lurus',
    [string] $Exe,
    [ValidateRange(1, 3600)] [int] $TimeoutSeconds = 120
)
$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'common.ps1')

try {
    $stack = @(Get-Stack $Services $Lurus)
    if ($stack.Count -eq 0) { throw 'none of the services is installed' }
    [array]::Reverse($stack)
    foreach ($service in $stack) {
        if ($service.Status -eq 'Stopped') {
            Write-Output "$($service.Name): is stopped already"
            continue
        }
        if (-not $PSCmdlet.ShouldProcess($service.Name, 'stop')) { continue }
        if ($service.Name -eq $Lurus) {
            Invoke-Lurus (Find-Lurus $Exe) @('service', 'stop', '--name', $Lurus, '--timeout', $TimeoutSeconds)
        }
        elseif ($service.Status -ne 'StopPending') { Stop-Service -InputObject $service -NoWait }
        $service.WaitForStatus('Stopped', [TimeSpan]::FromSeconds($TimeoutSeconds))
        Write-Output "$($service.Name): stopped"
    }
}
catch {
    [Console]::Error.WriteLine("stop-all: $($_.Exception.Message)")
    exit 1
}
exit 0

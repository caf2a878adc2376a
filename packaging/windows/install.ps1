#Requires -Version 5.1
<#
.SYNOPSIS
Installs lurus: its files in Program Files, its folder in the PATH, and its service, which it starts.
.DESCRIPTION
Run it as an administrator from the unpacked archive. Where lurus is installed already, its executable is replaced by
`lurus update`, which lets running answers end and goes back when the new one does not become ready.
Configuration and data are the service's, in ProgramData, and are not touched.
Exit code 0: installed. 1: not; the error says why.
.PARAMETER Destination
Where the files go.
.PARAMETER Name
The service's name.
.PARAMETER Config
Its configuration file, when not the one in ProgramData.
.PARAMETER DataDir
Its data folder, when not the one in ProgramData.
.PARAMETER User
The account that runs it, when not its own virtual account.
.PARAMETER NoService
Only the files and the PATH.
.PARAMETER NoPath
Leave the PATH alone.
.EXAMPLE
.\install.ps1
.EXAMPLE
.\install.ps1 -Name lurus-test -DataDir D:\lurus-test -WhatIf
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [string] $Destination = (Join-Path $env:ProgramFiles 'Lurus'),
    [string] $Name = 'lurus',
    [string] $Config,
    [string] $DataDir,
    [string] $User,
    [switch] $NoService,
    [switch] $NoPath
)
$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot 'common.ps1')

# The registry holds %SystemRoot% and its like unexpanded, and has to go on doing so.
function Add-ToPath([string] $Folder) {
    $key = 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment'
    $path = (Get-Item -LiteralPath $key).GetValue('Path', '', 'DoNotExpandEnvironmentNames')
    if (($path -split ';') -contains $Folder) { return }
    Set-ItemProperty -LiteralPath $key -Name Path -Type ExpandString -Value ($path.TrimEnd(';') + ';' + $Folder)
    # Setting a variable this way tells running programs that the environment changed.
    [Environment]::SetEnvironmentVariable('LURUS_INSTALLED', '1', 'User')
    [Environment]::SetEnvironmentVariable('LURUS_INSTALLED', $null, 'User')
}

try {
    if (-not $WhatIfPreference -and -not (Test-Administrator)) {
        throw 'this needs an administrator: start PowerShell with "Run as administrator"'
    }
    $source = Join-Path $PSScriptRoot 'lurus.exe'
    if (-not (Test-Path -LiteralPath $source -PathType Leaf)) { throw "there is no ${source}: run this from the unpacked archive" }
    $target = Join-Path $Destination 'lurus.exe'
    $service = Get-Service -Name $Name -ErrorAction SilentlyContinue
    $same = [IO.Path]::GetFullPath($source) -eq [IO.Path]::GetFullPath($target)

    if (-not $same -and $PSCmdlet.ShouldProcess($Destination, 'copy the files')) {
        New-Item -ItemType Directory -Force -Path $Destination | Out-Null
        $others = 'common.ps1', 'start-all.ps1', 'stop-all.ps1', 'status.ps1', 'install.ps1', 'update.ps1', 'Caddyfile', 'lurus.toml', 'LICENSE', 'NOTICES.txt', 'README.txt'
        foreach ($file in $others) { Copy-Item -Force -LiteralPath (Join-Path $PSScriptRoot $file) -Destination $Destination }
        if ($service -and (Test-Path -LiteralPath $target)) { Invoke-Lurus $target @('update', $source, '--name', $Name) }
        else { Copy-Item -Force -LiteralPath $source -Destination $target }
    }
    if (-not $NoPath -and $PSCmdlet.ShouldProcess("PATH of this machine: $Destination", 'add')) { Add-ToPath $Destination }
    if ($NoService) { exit 0 }
    if (-not $service -and $PSCmdlet.ShouldProcess($Name, 'install the service')) {
        $arguments = @('service', 'install', '--name', $Name)
        if ($Config) { $arguments += '--config', $Config }
        if ($DataDir) { $arguments += '--data-dir', $DataDir }
        if ($User) { $arguments += '--user', $User }
        Invoke-Lurus $target $arguments
    }
    if ($PSCmdlet.ShouldProcess($Name, 'start the service')) {
        if ((Get-Service -Name $Name).Status -ne 'Running') { Invoke-Lurus $target @('service', 'start', '--name', $Name) }
        Invoke-Lurus $target @('service', 'status', '--name', $Name)
    }
}
catch {
    [Console]::Error.WriteLine("install: $($_.Exception.Message)")
    exit 1
}
exit 0

# What start-all.ps1, stop-all.ps1, status.ps1, install.ps1 and update.ps1 share. It is dot-sourced; alone it does nothing.

# In the order in which they are started: what others need comes first, and the door to the outside last.
$DefaultServices = @('postgresql*', 'redis*', 'nats*', 'new-api*', 'lurus', 'caddy*')

# The executable: the one that is named, the one beside these scripts, or the installed one.
function Find-Lurus([string] $Named) {
    if ($Named) {
        if (Test-Path -LiteralPath $Named -PathType Leaf) { return (Resolve-Path -LiteralPath $Named).ProviderPath }
        throw "there is no $Named"
    }
    foreach ($folder in $PSScriptRoot, (Join-Path $env:ProgramFiles 'Lurus')) {
        $file = Join-Path $folder 'lurus.exe'
        if (Test-Path -LiteralPath $file -PathType Leaf) { return $file }
    }
    throw "lurus.exe is neither beside this script nor in $env:ProgramFiles\Lurus: name it with -Exe"
}

function Test-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    return ([Security.Principal.WindowsPrincipal] $identity).IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

# The installed services that the patterns name, in their order, each once; the usual ones where none is named. A pattern without a match
# is told and left out; a name without a wildcard is somebody's wish, so that one fails.
function Get-Stack([string[]] $Services, [string] $Lurus) {
    $optional = @()
    if (-not $Services) {
        $Services = $DefaultServices -replace '^lurus$', $Lurus
        $optional = @($Lurus)
    }
    $seen = @{}
    # `powershell -File` hands a list over as one text.
    foreach ($pattern in ($Services -split '\s*,\s*')) {
        $found = @(Get-Service -Name $pattern -ErrorAction SilentlyContinue)
        if ($found.Count -eq 0) {
            if ($pattern -notmatch '[*?\[]' -and $optional -notcontains $pattern) { throw "no service is called $pattern" }
            Write-Verbose "no service matches $pattern"
        }
        foreach ($service in $found) {
            if (-not $seen.ContainsKey($service.Name)) {
                $seen[$service.Name] = $true
                $service
            }
        }
    }
}

# Runs lurus.exe with its output where ours goes; throws when it fails.
function Invoke-Lurus([string] $Exe, [string[]] $Arguments) {
    & $Exe @Arguments | Out-Host
    if ($LASTEXITCODE -ne 0) { throw "lurus $($Arguments -join ' ') ended with exit code $LASTEXITCODE" }
}

# True once the address answers 200.
function Wait-Ready([string] $Url, [int] $Seconds) {
    $until = [DateTime]::UtcNow.AddSeconds($Seconds)
    do {
        try {
            if ((Invoke-WebRequest -Uri $Url -UseBasicParsing -TimeoutSec 5).StatusCode -eq 200) { return $true }
        }
        catch { Write-Verbose "$Url does not answer yet: $($_.Exception.Message)" }
        Start-Sleep -Milliseconds 500
    } while ([DateTime]::UtcNow -lt $until)
    return $false
}

<#
.SYNOPSIS
  Installs wsctl from a release: downloads the binary for Windows, verifies the signature of the
  checksums and the checksum of the binary, and says what it did. It changes nothing before all is
  verified. Windows PowerShell 5.1 and PowerShell 7 run it.

.EXAMPLE
  powershell -ExecutionPolicy Bypass -File install.ps1 -From https://… -Key wsctl-ed25519:…
.EXAMPLE
  powershell -ExecutionPolicy Bypass -File install.ps1 -Uninstall

.PARAMETER From
  Where the files of the release are: https://… or a directory.
.PARAMETER Key
  The public key that must have signed SHA256SUMS: wsctl-ed25519:…
.PARAMETER NoSignature
  Compare checksums alone: whoever can change the release can change them, too.
.PARAMETER Prefix
  Install into this directory. Default: Programs\wsctl in the local data of the user.
.PARAMETER AllUsers
  Install into wsctl below Program Files, as an administrator.
.PARAMETER Uninstall
  Remove what this script installs; data and settings stay.
#>
[CmdletBinding()]
param(
  [string] $From = '',
  [string] $Key = '',
  [switch] $NoSignature,
  [string] $Prefix = '',
  [switch] $AllUsers,
  [switch] $Uninstall
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$name = 'wsctl-windows-x64.exe'

# Windows has no Ed25519 (RFC 8032, section 5.1.7). It only verifies, so that no time is a secret.
$verifier = @'
using System;
using System.Numerics;
using System.Security.Cryptography;

public static class WsctlEd25519
{
    static readonly BigInteger P = BigInteger.Pow(2, 255) - 19;
    static readonly BigInteger L =
        BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493");
    static readonly BigInteger D = Mod(-121665 * Inverse(121666));
    static readonly BigInteger SquareRootOfMinusOne = BigInteger.ModPow(2, (P - 1) / 4, P);
    static readonly BigInteger[] Base = BasePoint();

    public static bool Verify(byte[] key, byte[] message, byte[] signature)
    {
        if (key.Length != 32 || signature.Length != 64) return false;
        byte[] first = Part(signature, 0);
        BigInteger s = Number(Part(signature, 32));
        BigInteger[] a = Point(key);
        if (a == null || s >= L) return false;
        byte[] hashed = new byte[64 + message.Length];
        first.CopyTo(hashed, 0);
        key.CopyTo(hashed, 32);
        message.CopyTo(hashed, 64);
        BigInteger h;
        using (SHA512 sha = SHA512.Create()) h = Number(sha.ComputeHash(hashed)) % L;
        BigInteger[] minusA = new BigInteger[] { Mod(-a[0]), a[1], a[2], Mod(-a[3]) };
        byte[] expected = Bytes(Add(Times(s, Base), Times(h, minusA)));
        int difference = 0;
        for (int i = 0; i < 32; i++) difference |= expected[i] ^ first[i];
        return difference == 0;
    }

    static byte[] Part(byte[] bytes, int start)
    {
        byte[] part = new byte[32];
        Array.Copy(bytes, start, part, 0, 32);
        return part;
    }

    // Little-endian, and never negative.
    static BigInteger Number(byte[] bytes)
    {
        byte[] positive = new byte[bytes.Length + 1];
        bytes.CopyTo(positive, 0);
        return new BigInteger(positive);
    }

    static BigInteger Mod(BigInteger x)
    {
        BigInteger rest = x % P;
        return rest.Sign < 0 ? rest + P : rest;
    }

    static BigInteger Inverse(BigInteger x)
    {
        return BigInteger.ModPow(x, P - 2, P);
    }

    static BigInteger[] BasePoint()
    {
        BigInteger y = Mod(4 * Inverse(5));
        BigInteger? x = X(y, false);
        return Extended(x.Value, y);
    }

    static BigInteger[] Extended(BigInteger x, BigInteger y)
    {
        return new BigInteger[] { x, y, BigInteger.One, Mod(x * y) };
    }

    static BigInteger? X(BigInteger y, bool isOdd)
    {
        BigInteger square = Mod((y * y - 1) * Inverse(Mod(D * y * y + 1)));
        if (square.IsZero) return isOdd ? (BigInteger?)null : BigInteger.Zero;
        BigInteger x = BigInteger.ModPow(square, (P + 3) / 8, P);
        if (Mod(x * x - square) != 0) x = Mod(x * SquareRootOfMinusOne);
        if (Mod(x * x - square) != 0) return null;
        return x.IsEven == isOdd ? P - x : x;
    }

    static BigInteger[] Point(byte[] bytes)
    {
        byte[] copy = (byte[])bytes.Clone();
        bool isOdd = (copy[31] & 0x80) != 0;
        copy[31] &= 0x7f;
        BigInteger y = Number(copy);
        if (y >= P) return null;
        BigInteger? x = X(y, isOdd);
        return x.HasValue ? Extended(x.Value, y) : null;
    }

    static BigInteger[] Add(BigInteger[] p, BigInteger[] q)
    {
        BigInteger a = Mod((p[1] - p[0]) * (q[1] - q[0]));
        BigInteger b = Mod((p[1] + p[0]) * (q[1] + q[0]));
        BigInteger c = Mod(2 * p[3] * q[3] * D);
        BigInteger d = Mod(2 * p[2] * q[2]);
        BigInteger e = b - a, f = d - c, g = d + c, h = b + a;
        return new BigInteger[] { Mod(e * f), Mod(g * h), Mod(f * g), Mod(e * h) };
    }

    static BigInteger[] Times(BigInteger n, BigInteger[] p)
    {
        BigInteger[] sum = Extended(BigInteger.Zero, BigInteger.One);
        for (; !n.IsZero; n >>= 1)
        {
            if (!n.IsEven) sum = Add(sum, p);
            p = Add(p, p);
        }
        return sum;
    }

    static byte[] Bytes(BigInteger[] p)
    {
        BigInteger inverse = Inverse(p[2]);
        BigInteger x = Mod(p[0] * inverse), y = Mod(p[1] * inverse);
        byte[] bytes = new byte[32];
        byte[] number = y.ToByteArray();
        Array.Copy(number, bytes, Math.Min(number.Length, 32));
        if (!x.IsEven) bytes[31] |= 0x80;
        return bytes;
    }
}
'@

function Get-ReleaseFile([string] $file, [string] $directory) {
  $target = Join-Path $directory $file
  if ($From -match '^https://' -or $From -match '^http://127\.0\.0\.1:') {
    try {
      Invoke-WebRequest -UseBasicParsing -Uri "$From/$file" -OutFile $target
    } catch {
      throw "Cannot download `"$From/$file`": $($_.Exception.Message)"
    }
  } elseif ($From -match '^http://') {
    throw "Parameter -From is `"$From`": expected https://"
  } else {
    $source = Join-Path $From $file
    if (-not (Test-Path -LiteralPath $source)) { throw "Cannot read `"$source`"" }
    Copy-Item -LiteralPath $source -Destination $target
  }
  return $target
}

function Test-Signature([string] $sums, [string] $signature) {
  if (-not ('WsctlEd25519' -as [type])) {
    $references = @{}
    # PowerShell 7 knows the assembly by itself.
    if ($PSVersionTable.PSVersion.Major -lt 6) {
      $references = @{ ReferencedAssemblies = 'System.Numerics' }
    }
    Add-Type -TypeDefinition $verifier @references
  }
  $text = $Key.Substring('wsctl-ed25519:'.Length).Replace('-', '+').Replace('_', '/') + '='
  try {
    $public = [Convert]::FromBase64String($text)
    $signed = [Convert]::FromBase64String([IO.File]::ReadAllText($signature).Trim())
  } catch {
    return $false
  }
  return [WsctlEd25519]::Verify($public, [IO.File]::ReadAllBytes($sums), $signed)
}

# Keeps entries such as %SystemRoot% as they are. Returns whether the path was changed.
function Set-PathEntry([string] $directory, [bool] $isWanted) {
  if ($AllUsers) {
    $place = 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment'
    $scope = 'Machine'
  } else {
    $place = 'HKCU:\Environment'
    $scope = 'User'
  }
  $current = [string] (Get-Item -LiteralPath $place).GetValue('Path', '', 'DoNotExpandEnvironmentNames')
  $entries = @($current.Split(';') | Where-Object { $_ -ne '' })
  $others = @($entries | Where-Object { $_.TrimEnd('\') -ne $directory })
  if ($isWanted -eq ($others.Count -lt $entries.Count)) { return $false }
  if ($isWanted) { $others += $directory }
  Set-ItemProperty -LiteralPath $place -Name 'Path' -Type ExpandString -Value ($others -join ';')
  # Removing a variable that does not exist tells other programs to read the environment again.
  [Environment]::SetEnvironmentVariable('WSCTL_INSTALLED', $null, $scope)
  return $true
}

function Install-Binary([string] $file) {
  $binary = Join-Path $Prefix 'wsctl.exe'
  $old = "$binary.old"
  try {
    New-Item -ItemType Directory -Force -Path $Prefix | Out-Null
    if (Test-Path -LiteralPath $old) { Remove-Item -LiteralPath $old -Force }
    # A program that runs can be renamed, and not replaced.
    if (Test-Path -LiteralPath $binary) { Move-Item -LiteralPath $binary -Destination $old }
    Copy-Item -LiteralPath $file -Destination $binary
  } catch {
    $isGone = -not (Test-Path -LiteralPath $binary)
    if ($isGone -and (Test-Path -LiteralPath $old)) {
      Move-Item -LiteralPath $old -Destination $binary
    }
    $advice = 'Stop wsctl if it runs, run it as an administrator, or use -Prefix'
    throw "Cannot write to `"$Prefix`": $($_.Exception.Message). $advice"
  }
  Remove-Item -LiteralPath $old -Force -ErrorAction SilentlyContinue
  return $binary
}

function Uninstall-Binary {
  $found = $false
  foreach ($file in @('wsctl.exe', 'wsctl.exe.old')) {
    $path = Join-Path $Prefix $file
    if (Test-Path -LiteralPath $path) {
      Remove-Item -LiteralPath $path -Force
      Write-Output "removed $path"
      $found = $true
    }
  }
  if (-not $found) { throw "wsctl is not installed in `"$Prefix`"" }
  if (Set-PathEntry $Prefix $false) { Write-Output "removed $Prefix from PATH" }
}

function Install-Release([string] $work) {
  if ($From -eq '') { throw 'Name the release with -From. Run Get-Help ./install.ps1 -Full' }
  if (-not $NoSignature) {
    if ($Key -eq '') {
      throw 'Name the key of the release with -Key, or accept -NoSignature'
    }
    if ($Key -cnotmatch '^wsctl-ed25519:[A-Za-z0-9_-]{43}$') {
      throw "Parameter -Key is `"$Key`": expected wsctl-ed25519: and the key"
    }
  }
  $machine = $env:PROCESSOR_ARCHITECTURE
  if ($env:PROCESSOR_ARCHITEW6432) { $machine = $env:PROCESSOR_ARCHITEW6432 }
  if ($machine -ne 'AMD64') { throw "There is no binary for the processor `"$machine`"" }

  $sums = Get-ReleaseFile 'SHA256SUMS' $work
  if ($NoSignature) {
    Write-Output 'signature not verified, as you asked'
  } else {
    $signature = Get-ReleaseFile 'SHA256SUMS.sig' $work
    if (-not (Test-Signature $sums $signature)) {
      throw "The signature of `"$From/SHA256SUMS`" is not one of $Key. Nothing was installed"
    }
    Write-Output "signature verified: $Key"
  }

  $pattern = '^([0-9a-f]{64})  ' + [regex]::Escape($name) + '$'
  $wanted = ''
  foreach ($line in [IO.File]::ReadAllLines($sums)) {
    if ($line -cmatch $pattern) { $wanted = $Matches[1] }
  }
  if ($wanted -eq '') { throw "The release has no `"$name`"" }
  $file = Get-ReleaseFile $name $work
  if ((Get-FileHash -LiteralPath $file -Algorithm SHA256).Hash -ne $wanted) {
    throw "The checksum of `"$name`" is wrong. Nothing was installed"
  }
  Write-Output "checksum verified: $name"

  $version = & $file --version
  if ($LASTEXITCODE -ne 0) {
    throw "`"$name`" does not run on this system. Nothing was installed"
  }
  $binary = Install-Binary $file
  Write-Output "installed wsctl $version as $binary"
  if (Set-PathEntry $Prefix $true) {
    Write-Output "added $Prefix to PATH: open a new terminal to run it as wsctl"
  }
}

if ($Prefix -eq '') {
  if ($AllUsers) { $Prefix = Join-Path $env:ProgramFiles 'wsctl' }
  else { $Prefix = Join-Path $env:LOCALAPPDATA 'Programs\wsctl' }
}
$Prefix = $Prefix.TrimEnd('\')
$From = $From.TrimEnd('/', '\')
$status = 0
$work = Join-Path ([IO.Path]::GetTempPath()) ('wsctl-install-' + [Guid]::NewGuid())
try {
  [Net.ServicePointManager]::SecurityProtocol =
    [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
  if ($Uninstall) {
    Uninstall-Binary
  } else {
    New-Item -ItemType Directory -Path $work | Out-Null
    Install-Release $work
  }
} catch {
  [Console]::Error.WriteLine("install.ps1: $($_.Exception.Message)")
  $status = 1
} finally {
  if (Test-Path -LiteralPath $work) { Remove-Item -LiteralPath $work -Recurse -Force }
}
exit $status

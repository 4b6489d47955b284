#!/bin/sh
# Installs wsctl from a release: downloads the binary for this system, verifies the signature of the
# checksums and the checksum of the binary, and says what it did. It changes nothing before all is
# verified. Any POSIX shell runs it.
set -eu

usage() {
  cat <<'TEXT'
Install wsctl from a release.

USAGE
  install.sh --from URL|DIR --key KEY [--prefix DIR]
  install.sh --uninstall [--prefix DIR]

FLAGS
  --from URL|DIR   where the files of the release are (https://… or a directory)
  --key KEY        public key that must have signed SHA256SUMS: wsctl-ed25519:…
  --no-signature   compare checksums alone: whoever can change the release can change them, too
  --prefix DIR     install below this directory (/usr/local)
  --uninstall      remove what this script installs; data and settings stay
TEXT
}

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

say() {
  printf '%s\n' "$1"
}

has() {
  command -v "$1" >/dev/null 2>&1
}

from=
key=
prefix=/usr/local
is_signed=yes
is_uninstall=no
while [ $# -gt 0 ]; do
  case $1 in
    --from | --key | --prefix)
      [ $# -ge 2 ] || fail "Flag $1 needs a value"
      case $1 in
        --from) from=${2%/} ;;
        --key) key=$2 ;;
        --prefix) prefix=${2%/} ;;
      esac
      shift 2
      ;;
    --no-signature)
      is_signed=no
      shift
      ;;
    --uninstall)
      is_uninstall=yes
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) fail "Unknown argument \"$1\". Run install.sh --help" ;;
  esac
done

binary=$prefix/bin/wsctl
bash_completion=$prefix/share/bash-completion/completions/wsctl
zsh_completion=$prefix/share/zsh/site-functions/_wsctl
fish_completion=$prefix/share/fish/vendor_completions.d/wsctl.fish

if [ "$is_uninstall" = yes ]; then
  found=no
  for file in "$binary" "$bash_completion" "$zsh_completion" "$fish_completion"; do
    if [ -e "$file" ]; then
      rm "$file" || fail "Cannot remove \"$file\". Run it as a user who may, such as root"
      say "removed $file"
      found=yes
    fi
  done
  [ "$found" = yes ] || fail "wsctl is not installed below \"$prefix\""
  exit 0
fi

[ -n "$from" ] || fail 'Name the release with --from. Run install.sh --help'
if [ "$is_signed" = yes ]; then
  [ -n "$key" ] || fail 'Name the key of the release with --key, or accept --no-signature'
  has openssl || fail 'Cannot verify the signature: openssl is missing. Install it'
  case $key in
    wsctl-ed25519:*) ;;
    *) fail "Flag --key is \"$key\": expected wsctl-ed25519: and the key" ;;
  esac
fi

system=$(uname -s)
machine=$(uname -m)
case $machine in
  x86_64 | amd64) arch=x64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) fail "There is no binary for the processor \"$machine\"" ;;
esac
case $system in
  Linux)
    if ls /lib/ld-musl-* >/dev/null 2>&1; then name=wsctl-linux-$arch-musl
    elif [ "$arch" = x64 ]; then name=wsctl-linux-x64-baseline
    else name=wsctl-linux-arm64; fi
    ;;
  Darwin) name=wsctl-darwin-$arch ;;
  *) fail "There is no binary for \"$system\"" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

get() {
  case $from in
    https://* | http://127.0.0.1:*)
      if has curl; then curl -fsSL -o "$work/$1" "$from/$1"
      elif has wget; then wget -q -O "$work/$1" "$from/$1"
      else fail 'Cannot download: install curl or wget'; fi || fail "Cannot download \"$from/$1\""
      ;;
    http://*) fail "Flag --from is \"$from\": expected https://" ;;
    *) cp "$from/$1" "$work/$1" 2>/dev/null || fail "Cannot read \"$from/$1\"" ;;
  esac
}

get SHA256SUMS
if [ "$is_signed" = yes ]; then
  get SHA256SUMS.sig
  # The header of an Ed25519 public key (RFC 8410) is twelve bytes, so base64 can be joined.
  raw=$(printf '%s' "${key#wsctl-ed25519:}" | tr -- '-_' '+/')
  printf -- '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA%s=\n-----END PUBLIC KEY-----\n' "$raw" >"$work/key.pem"
  openssl base64 -d -A <"$work/SHA256SUMS.sig" >"$work/signature" 2>/dev/null || true
  openssl pkeyutl -verify -pubin -inkey "$work/key.pem" -rawin -in "$work/SHA256SUMS" \
    -sigfile "$work/signature" >/dev/null 2>&1 ||
    fail "The signature of \"$from/SHA256SUMS\" is not one of $key. Nothing was installed"
  say "signature verified: $key"
else
  say 'signature not verified, as you asked'
fi

wanted=$(awk -v name="$name" '$2 == name { print $1 }' "$work/SHA256SUMS")
[ -n "$wanted" ] || fail "The release has no \"$name\""
get "$name"
if has sha256sum; then actual=$(sha256sum <"$work/$name")
elif has shasum; then actual=$(shasum -a 256 <"$work/$name")
else fail 'Cannot verify the checksum: install sha256sum or shasum'; fi
[ "${actual%% *}" = "$wanted" ] || fail "The checksum of \"$name\" is wrong. Nothing was installed"
say "checksum verified: $name"

chmod 755 "$work/$name"
version=$("$work/$name" --version) || fail "\"$name\" does not run on this system. Nothing was installed"

mkdir -p "$prefix/bin" 2>/dev/null && [ -w "$prefix/bin" ] ||
  fail "Cannot write to \"$prefix/bin\". Run it as root, or use --prefix \"\$HOME/.local\""
# A rename replaces the file of a process that runs.
cp "$work/$name" "$binary.new" && mv -f "$binary.new" "$binary"
say "installed wsctl $version as $binary"

complete() {
  if mkdir -p "$(dirname "$2")" 2>/dev/null && "$binary" completion "$1" >"$2" 2>/dev/null; then
    say "installed $2"
  else
    say "left out the completion for $1: cannot write \"$2\""
  fi
}
complete bash "$bash_completion"
complete zsh "$zsh_completion"
complete fish "$fish_completion"

case :$PATH: in
  *":$prefix/bin:"*) ;;
  *) say "add $prefix/bin to PATH to run it as wsctl" ;;
esac

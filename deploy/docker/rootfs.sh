#!/bin/sh
# Makes the whole file system of an image: the binaries, the libraries that they are linked to, and what these read.
# No shell, no package manager, nothing to write to. Runs on the Debian that the binaries were built on.
#
#   rootfs.sh TREE BINARY...
set -eu

if [ $# -lt 2 ]; then
    echo "usage: rootfs.sh TREE BINARY..." >&2
    exit 64
fi
tree=$1
shift
# The number that images without a shell have settled on; a name for it is only for those who look.
USER_ID=65532

if [ -e "$tree" ] && [ -n "$(ls -A "$tree")" ]; then
    echo "rootfs: $tree is not empty" >&2
    exit 1
fi
mkdir -p "$tree/usr/local/bin" "$tree/etc/ssl/certs" "$tree/var/lib/dpkg/status.d"
# Where a container runtime mounts what is not of the image.
mkdir -p "$tree/proc" "$tree/dev" "$tree/sys" "$tree/tmp"
chmod 1777 "$tree/tmp"
touch "$tree/etc/hosts" "$tree/etc/hostname" "$tree/etc/resolv.conf"

# Keeps a library under the path by which the loader asks for it, and notes its package, as scanners of images look there.
keep_library() {
    mkdir -p "$tree$(dirname "$1")"
    cp -L "$1" "$tree$1"
    # Where /lib leads to /usr/lib, packages know their files by either.
    package=$(dpkg-query --search "$1" "/usr$1" 2>/dev/null | sed -n '1s/: .*//p')
    if [ -z "$package" ]; then
        echo "rootfs: $1 is of no package" >&2
        exit 1
    fi
    dpkg-query --status "$package" >"$tree/var/lib/dpkg/status.d/${package%%:*}"
}

for binary in "$@"; do
    cp "$binary" "$tree/usr/local/bin/"
    # A line is "name => path (address)", or for the loader "path (address)".
    libraries=$(ldd "$binary")
    if echo "$libraries" | grep 'not found' >&2; then
        echo "rootfs: $binary lacks libraries" >&2
        exit 1
    fi
    for library in $(echo "$libraries" | sed -n -e 's/.* => \(\/[^ ]*\) .*/\1/p' -e 's/^[[:space:]]*\(\/[^ ]*\) .*/\1/p'); do
        [ -e "$tree$library" ] || keep_library "$library"
    done
done

# Authorities by which https:// of JWT_JWKS_URL and tls:// of MongoDB and NATS are checked.
cp -L /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
echo "messaging:x:$USER_ID:$USER_ID::/:/sbin/nologin" >"$tree/etc/passwd"
echo "messaging:x:$USER_ID:" >"$tree/etc/group"
# The entries of /etc/hosts, which runtimes write, before DNS.
echo "hosts: files dns" >"$tree/etc/nsswitch.conf"

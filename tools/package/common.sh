# For the scripts beside it: where things are, the version, and the time that everything made carries.
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$root/build/package
version=$(sed -n 's/.*static let current = "\(.*\)"/\1/p' "$root/Sources/CastorCLI/Program.swift")
[ -n "${SOURCE_DATE_EPOCH:-}" ] || SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
umask 022

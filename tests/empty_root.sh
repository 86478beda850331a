#!/bin/sh
# Runs the command in a root that contains it, its libraries and nothing else: `tests/empty_root.sh target/dist/stillbox`.
# It needs user namespaces or root. With STILLBOX_EMBED_JAVASCRIPT_RUNTIME, with which the command was built, it also tests a step in JavaScript.
set -eu
binary=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/steps" "$root/tmp" "$root/home"
cp "$binary" "$root/stillbox"
ldd "$binary" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) .*/\1/p' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
cat > "$root/steps/pass.jsonl" <<'END'
{"text":"on the road again"}
END
run() {
    if [ "$(id -u)" = 0 ]; then
        (cd "$root" && env -i HOME=/home PATH=/ "$(command -v chroot)" "$root" /stillbox "$@")
    else
        env -i HOME=/home PATH=/ "$(command -v unshare)" --user --map-root-user --root="$root" /stillbox "$@"
    fi
}
run --version
run new /steps/count-words
run new /steps/count-words-py --lang python
if [ -n "${STILLBOX_EMBED_JAVASCRIPT_RUNTIME-}" ]; then
    run new /steps/count-words-js --lang javascript
    run test /steps/count-words-js
    run run /steps/count-words-js/pipeline.toml
fi
for step in count-words count-words-py; do
    # Without compilers, the errors say what to install.
    if run test "/steps/$step" 2> "$root/errors"; then
        echo "the test of $step succeeded without a compiler" >&2
        exit 1
    fi
    grep -q 'install' "$root/errors" || { cat "$root/errors" >&2; exit 1; }
    grep error "$root/errors"
done

#!/bin/sh
# Runs a pipeline in continuous integration: compiled components only, as they were reviewed, within a time.
#
#     examples/ci/run.sh pipeline.toml [OPTION...]
#
# Writes report.html and report.xml to the current folder. The exit code is that of `stillbox run`:
# 0 passed, 1 a step or the input failed, 2 the pipeline or its lock is wrong, 124 out of time.
set -eu

pipeline=$1
shift

# Everything that can be checked before the first row.
stillbox check "$pipeline" --locked --no-build --quiet >/dev/null

exec stillbox run "$pipeline" --locked --no-build --time 30m --quiet \
    --report report.html --junit report.xml "$@"

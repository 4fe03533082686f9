#!/bin/sh
# So many minutes of a recipe, saved at the end; the same command goes on from there.
# usage: sh benchmarks/recipes/timed.sh MINUTES RECIPE DATA OUT [OPTIONS]
set -eu
minutes=$1 recipe=$2 out=$4
shift 2
if [ -e "$out/training.safetensors" ]; then set -- "$@" --resume; fi
status=0
timeout --signal=INT --kill-after=60 "${minutes}m" sh "$recipe" "$@" || status=$?
case $status in
0) echo "finished" >&2 ;;
124 | 130) echo "stopped after $minutes minutes" >&2 ;;
*) exit $status ;;
esac

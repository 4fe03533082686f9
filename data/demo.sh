#!/bin/sh
# The demonstration of `make demo`: five sentences before and after one example each.
# It works in a memory of its own and leaves no trace.
set -eu
cd "$(dirname "$0")/demo"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
RARENMT_MEMORY=$work/memory.safetensors
export RARENMT_MEMORY

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi

say() { printf '\n%s$ %s%s\n' "$bold" "$1" "$plain"; }

say 'rarenmt translate < sentences.en'
rarenmt translate < sentences.en | tee "$work/before"

say 'rarenmt remember pairs.tsv'
cat pairs.tsv
rarenmt remember pairs.tsv 2>&1 | sed "s|$work/||"

say 'rarenmt translate --explain < sentences.en'
rarenmt translate --explain < sentences.en > "$work/after"

paste sentences.en "$work/before" "$work/after" |
    awk -F '\t' '{ print "source  " $1; print "before  " $2; print "after   " $3 "   " $4; print "" }'

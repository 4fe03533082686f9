#!/bin/sh
# Ten words shown once, all in one memory, each asked for in another sentence:
# the question, the translation before, and the one after with what it owes to the memory.
# data/ten.tsv: shown source, shown target, question.
set -eu
here=$(dirname "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cut -f1,2 "$here/ten.tsv" > "$folder/shown.tsv"
cut -f3 "$here/ten.tsv" > "$folder/asked"
export RARENMT_MEMORY="$folder/memory.safetensors"
rarenmt translate < "$folder/asked" > "$folder/before"
rarenmt -q remember "$folder/shown.tsv"
rarenmt translate --explain < "$folder/asked" > "$folder/after"
paste -d '\n' "$folder/asked" "$folder/before" "$folder/after" | sed 'n;s/^/  before  /;n;s/^/  after   /'

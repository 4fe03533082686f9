#!/bin/sh
# The translator of the Multi30k hold-out suite: rest.tsv is the corpus without the held-out words.
set -eu
data=$1 out=$2
shift 2
exec ${RARENMT:-rarenmt} train "$data/rest.tsv" --dev "$data/dev.tsv" -o "$out" \
    --vocabulary 4000 --dropout 0.3 --steps 4000 --batch-tokens 2000 --learning-rate 0.002 \
    --warmup 200 --decay 0.4 --episodes 0.6 --memory-positions 128 \
    --align 0.5 --average 500 --evaluate-every 500 --seed 1 "$@"

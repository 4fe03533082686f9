#!/bin/sh
# The paper's own configuration on a finished translator:
# sh benchmarks/recipes/paper.sh DATA OUT --from CHECKPOINT
# DATA is made by benchmarks/recipes/again.py, and dev.tsv: again.tsv are 1,500 pairs that come again every
# few steps, as the memory holds what it was shown, once.tsv as many showings of pairs that it never
# saw.
set -eu
data=$1 out=$2
shift 2
exec ${RARENMT:-rarenmt} train "$data/again.tsv@20" "$data/once.tsv" --dev "$data/dev.tsv" \
    -o "$out" --memory-kind paper --slots 65536 --memory-positions 1200 --dropout 0.2 \
    --steps 300 --batch-tokens 2400 --learning-rate 0.0001 --warmup 10 --decay 0.5 --episodes 0 \
    --average 150 --save-every 100 --evaluate-every 300 --seed 1 "$@"

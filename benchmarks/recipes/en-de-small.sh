#!/bin/sh
# Preset small (11.6 M parameters) on Tatoeba alone: what two CPU cores can do in a night.
# DATA/dev.tsv: held-out pairs.
set -eu
data=$1 out=$2
shift 2
exec ${RARENMT:-rarenmt} train "$data/tatoeba.en-de.tsv.xz" --dev "$data/dev.tsv" -o "$out" \
    --dropout 0.25 --steps 12000 --batch-tokens 4800 --learning-rate 0.002 --warmup 200 \
    --decay 0.4 --episodes 0.5 --align 0.5 --join 0.1 --memory-positions 256 \
    --average 500 --evaluate-every 500 --save-every 100 --seed 1 "$@"

#!/bin/sh
# Preset base (32 M parameters) on general text, four times an epoch, and documentation, once.
# DATA/dev.tsv: held-out pairs of both kinds. Permissive licences only: CC BY and MIT.
set -eu
data=$1 out=$2
shift 2
exec ${RARENMT:-rarenmt} train \
    "$data/tatoeba.en-de.tsv.xz@4" \
    "$data/web_misc.en-de.tsv.xz" \
    "$data/business.train.en-de.tsv.xz" \
    "$data/msdocs_windows_cloud.en-de.tsv.xz" \
    "$data/msdocs_vs.en-de.tsv.xz" \
    "$data/msdocs_dotnet.en-de.tsv.xz@0.5" \
    "$data/msdocs_sql.en-de.tsv.xz@0.5" \
    --dev "$data/dev.tsv" -o "$out" \
    --preset base --dropout 0.2 --steps 9000 --batch-tokens 24000 --learning-rate 0.002 \
    --warmup 400 --decay 0.5 --episodes 0.4 --join 0.1 --memory-positions 1024 --slots 65536 \
    --average 500 --evaluate-every 1500 --save-every 500 --seed 1 "$@"

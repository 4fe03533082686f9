#!/bin/sh
# The base translator on the text that draw.py has drawn, with the vocabulary of vocabulary.py.
# sh benchmarks/recipes/base.sh TEXT VOCABULARY OUT [OPTIONS]
# The rate stays up, so that a run can go on for as long as there are hours; the last part is run
# with --resume --steps N --decay 0.3. No memory yet: it is learnt in a later, short phase.
set -eu
text=$1 vocabulary=$2 out=$3
shift 3
# shellcheck disable=SC2046 # one argument a line
exec ${RARENMT:-rarenmt} train $(cat "$text/corpora.txt") --dev "$text/dev.tsv" -o "$out" \
    --preset everyday --vocabulary "$vocabulary" --batch-tokens 3000 --learning-rate 0.002 \
    --warmup 400 --decay 0 --steps 1000000 --memory-positions 0 --episodes 0 --average 500 \
    --evaluate-every 600 --save-every 60 --seed 1 "$@"

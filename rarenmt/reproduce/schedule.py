"""The learning rate of every experiment."""


def learning_rate(
    step: int,
    steps: int,
    peak: float,
    *,
    warmup: int = 0,
    constant: int | None = None,
    decay: float = 0.0,
) -> float:
    """The rate of a step, counted from 0, of `steps`: at most `peak`.

    Linear warm-up over the first `warmup` steps; after `constant` steps, if given, a fall with the
    root of the step; over the last share `decay` of the steps, a linear fall to 0.
    """
    rising = min(1.0, (step + 1) / max(1, warmup))
    root = 1.0 if constant is None else min(1.0, (constant / (step + 1)) ** 0.5)
    falling = decay * steps
    ending = (steps - step) / falling if falling else 1.0
    return peak * root * min(rising, ending)

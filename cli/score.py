def score() -> None:
    pass

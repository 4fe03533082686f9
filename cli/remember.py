def remember() -> None:
    pass

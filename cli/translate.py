def translate() -> None:
    pass

"""The packages of a wheel, found in the folders; all other settings stand in pyproject.toml."""

from setuptools import find_packages, setup


def packages(name: str, folder: str) -> list[str]:
    """The package that a folder holds, and those inside it."""
    return [name, *(f"{name}.{inner}" for inner in find_packages(folder))]


setup(
    packages=[
        *packages("rarenmt", "rarenmt"),
        *packages("rarenmt.cli", "cli"),
        "rarenmt.checkpoints",  # weights, no code
    ]
)

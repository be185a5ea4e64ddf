"""Versions of the installed packages that results depend on."""

from importlib import metadata


def versions(*packages: str) -> dict[str, str]:
    """Package -> its version; a package that is not installed is left off."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found

"""From an export to the files of a package, proved and installed."""

"""Trust in packages: signatures, encryption, policies."""

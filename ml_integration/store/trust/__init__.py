"""What a package has to show: signatures, encryption, policies."""

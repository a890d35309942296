"""Models on disk: manifests, files, digests."""

"""Parts of the build of the documentation as a site."""

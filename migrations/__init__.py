"""The store's migrations, shipped as a package and addressed by name."""

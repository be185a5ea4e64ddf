"""Shelf: dataset folders and repositories: loading, caching, front matter, licences."""

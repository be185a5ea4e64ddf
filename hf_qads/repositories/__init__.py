"""Shelf: files, folders and repositories of datasets: formats, splits, one loader, cache, cards, licences."""

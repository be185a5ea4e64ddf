"""Shelf: files, devices, distributed launch, batching, progress, sharding, resumable training, retries."""

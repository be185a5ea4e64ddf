"""Nearest vectors and k-means, exact and in bounded memory: by faiss where it is installed, else by torch."""

from hf_qads.neighbours.kmeans import assign, kmeans
from hf_qads.neighbours.nearest import Neighbours, nearest

__all__ = ["Neighbours", "assign", "kmeans", "nearest"]

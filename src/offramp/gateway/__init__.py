"""The data plane: the life of one request, in phases. `pipeline.py` reads top to bottom; start there."""

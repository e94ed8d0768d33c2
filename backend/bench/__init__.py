"""The benchmark: what this gateway costs, compared with what one could use in its place."""

"""The benchmark: what this gateway costs, beside what else one could put in its place."""

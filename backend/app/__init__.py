"""AIDE's backend: a thin API gateway over Supabase."""

__version__ = "0.1.0"

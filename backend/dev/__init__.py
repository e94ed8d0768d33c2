"""Development commands: what `make dev`, the integration tests and the benchmark start, and how it ends again."""

"""The code runner: a part of Judge0's API over CPython for WebAssembly, in a process per run. See README.md."""

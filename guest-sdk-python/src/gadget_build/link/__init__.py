"""The static linker: a flattened component in, one core module out."""

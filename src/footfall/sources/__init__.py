"""Where bytes come from: names into files in loading order, each opened once, hashed and decompressed."""

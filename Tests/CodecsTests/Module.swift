// Placeholder while the module is being laid; deleted with its first real file.

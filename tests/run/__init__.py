"""What ./test runs: the parts, side by side on both cores, and the report at the end."""

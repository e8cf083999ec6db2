"""Run the parts of ./test two at a time, and report."""

"""Figures, as ratios measured side by side in one run.

python -m tests.bench terminal --suite bookworm
python -m tests.bench again --suite bookworm
python -m tests.bench scale --hosts 10
python -m tests.bench build --suite bookworm --version 3.13.5 --rounds 2
"""

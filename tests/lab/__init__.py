"""What the molecule scenarios need, made once and kept: images, pyenv, interpreters' sources.

    python -m tests.lab prepare --suites bookworm trixie --output lab.json
    python -m tests.lab report lab.json

Upstream is tried first. Where it cannot be reached, a mirror is made from what Debian holds, and
what then cannot be tested is named in the report, in lines that begin with "SKIPPED:".
"""

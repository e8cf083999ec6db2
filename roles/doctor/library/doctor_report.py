#!/usr/bin/python
"""What Ansible's documentation knows of the action plugin of this name."""

DOCUMENTATION = r"""
module: doctor_report
short_description: Show what the checks of all hosts found
description:
  - Prints a table or JSON on stdout, and fails where something is broken. Run it once for all hosts, after the last
    C(check).
options:
  format:
    description: For people or for machines.
    type: str
    choices: [table, json]
    required: true
"""

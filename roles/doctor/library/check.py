#!/usr/bin/python
"""What Ansible's documentation knows of the action plugin of this name."""

DOCUMENTATION = r"""
module: check
short_description: Judge what a probe found, and write it down
description:
  - Like C(ansible.builtin.assert), but it never fails. What it finds is added to C(ansible_facts['devrig_checks']) as
    role, check (the task's name), state (ok, broken or skipped) and message; C(doctor_report) shows it at the end.
options:
  that:
    description: Conditions; the check is broken where one of them is false, or cannot be asked of what was found.
    type: list
    required: true
  fail_msg:
    description: What is wrong, and what to do.
    type: str
    required: true
  skipped:
    description: Why it cannot be asked here; empty where it can.
    type: str
    default: ""
  after:
    description: Titles of checks ("role: title" for another role's). Where one of them is broken or skipped, this one,
      if it is broken, is shown as skipped, since it follows.
    type: list
    elements: str
    default: []
  of:
    description: What it is about where a loop asks several.
    type: str
"""

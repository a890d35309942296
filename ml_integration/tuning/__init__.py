"""Which settings run a model best on this machine: candidates, measured side by side.

Each candidate runs in a process of its own, which is asked for one short block of frames after
the other, so that whatever else the machine does falls on all of them alike.
"""

"""The event logs of the three hosts: texts as data (``*.yaml``), entries from what was recorded, and the viewer."""

"""The sending server: the fifteen steps of KB818222 over one connection, message by message."""

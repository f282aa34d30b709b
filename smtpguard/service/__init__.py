"""The life of the process that ``smtpguard serve`` is: start, readiness, reload, workers, drain, end.

One guard in one process, or several workers under a supervisor; both say the same on standard output and to systemd.
"""

"""The analyzer: one SMTP server looked at from outside, by the checks of Microsoft's Exchange Server Analyzer.

In the order in which an octet meets the files:

target      what was given, and the envelope of the sample message.
lookup      where to connect: the MX of a domain, the addresses of a host.
connection  octets out exactly as given, replies in exactly as they came; a deadline a step and a greatest size.
session     one conversation, step by step; acceptance_sessions: the mail acceptance test, and the same with BDAT.
steps       what was sent, what came back, and what kept a step from its reply.
ehlo        the EHLO reply, line by line: keywords, masked lines, malformed lines.
systems     which system it is, by banner and EHLO (``systems.yaml``).
rules       the rules' titles, causes and cures (``rules.yaml``); judges hold their triggers, findings what they found.
analysis    all of this in one run.   report, report_html: for people; report_json, report_junit: for programs.

The path doctor, which names the box in the way:

probes, probe_*  what is tried, one file each.   probing, doctor: what they work with, and their rounds.
traces      what a box leaves on the wire, in words; reading_* find them in what the probes brought.
fingerprints  which traces point at which persona (``policies/fingerprints``); naming finds who fits.
comparing   what differs between two vantage points.   via: from where they are taken.
diagnosis   the traces as findings (``symptoms.yaml``), and the suspects.

It never sends an overflow or anything else that could harm a server, and no message unless it was asked for.
"""

"""The lab: the other hosts, a clock that jumps, and scenarios that bring them together with the real relay.

clock       virtual time over real loopback sockets; dates and schedule count in it.
dns         a real server (dns_server, from dns_zones) and the sender's questions to it (dns_client).
sender      one delivery attempt, the fifteen steps of KB818222, over a wire of its own; queues retry it, queue_viewer
            shows them over time, and ndr tells the author.
receiver    one session of the receiving server on aiosmtpd; receiver_host listens, profile holds its words, mailbox
            what arrived.
firewall    the relay with a policy between the two.
scenario    who sends what to whom and what should come of it (scenario_ending), read by scenario_file. hosts brings
            the parts up, run plays it, result is its JSON, report its telling, story three of them in a row.
eventlog    what the hosts' event logs hold; eventlog_viewer prints it as Event Viewer does.
matrix      every combination of matrix_axes, in processes of their own, and the twelve outcomes of KB818222.
html, out   a run as one page, and as files: capture hears the octets of both legs, ladder and timeline draw them.
"""

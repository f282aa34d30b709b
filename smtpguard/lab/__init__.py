"""The lab: the other hosts, a clock that jumps, and scenarios that bring them together with the real relay.

clock       virtual time over real loopback sockets; dates count in it.
dns         a real server, from zones that a scenario gives, and the sender's questions to it.
sender      one connection and what goes over it: the fifteen steps of KB818222, over a wire of its own.
queue       a queue a domain: it retries, tells the author (ndr), and is shown over time (viewer).
receiver    one session of the receiving server on aiosmtpd; host listens, profile holds its words, mailbox its mail.
firewall    the relay with a policy between the two.
scenario    who sends what to whom and what should come of it (ending). hosts brings the parts up, run plays it, result
            is its JSON.
eventlog    what the hosts' event logs hold; viewer prints it as Event Viewer does.
matrix      every combination of its axes, in processes of their own, and the twelve outcomes of KB818222.
telling     a run as a report, a page, files, and story: three of them in a row; capture hears the octets of both legs.
up          the hosts in real time, any of them replaced by a real one.
"""

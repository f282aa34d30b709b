"""The lab: the other hosts, a clock that jumps, and scenarios that bring them together with the real relay.

clock       virtual time over real loopback sockets; dates and schedule count in it.
sender      one delivery attempt, the fifteen steps of KB818222, over a wire of its own; queue retries it and ndr tells
            the author.
receiver    one session of the receiving server on aiosmtpd; receiver_host listens, profile holds its words, mailbox
            what arrived.
firewall    the relay with a policy between the two.
scenario    who sends what to whom and what should come of it; run plays it, result is its JSON, report its telling,
            story three of them in a row.
"""

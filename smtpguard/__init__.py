"""smtpguard: an SMTP relay that parses every octet, and a lab for what firewalls do to mail.

Glossary, in the order in which an octet meets the words:

side        CLIENT or SERVER: the two peers of a session, seen from the guard between them.
command     one line from the client side: a verb, its argument, CRLF.
reply       one or more lines from the server side under one three-digit code.
keyword     one line of an EHLO reply after the first: what the server says it can do.
payload     octets that are not a command: the text after DATA's 354, the octets a BDAT announces, the blob
            after XEXCH50's 354, a line of an AUTH exchange.
waits       said of a verb whose reply decides what the next octets of the client are (DATA, XEXCH50, AUTH, STARTTLS):
            until that reply they are held, and the client is not read.
exchange    one command and the reply it is owed; exchanges are answered in order.
envelope    sender and recipients that the server has accepted since the last reset; a transaction is an envelope
            and the message that follows it.
dialogue    the pure record of all this: exchanges owed, session state, envelope.
rule        where it looks, when it matches, what it does then; a policy is an ordered list of rules, a persona is a
            policy that imitates a known box; a rulebook is a policy compiled for the Inspector.
violation   something that the protocol does not allow, named in a table with its source.
Inspector   the one pure object that every octet passes: dialogue + rulebook -> effects.
effect      what the Inspector wants done: send, stop or go on reading, tunnel, close, reset, or a record.
record      what happened, as an effect: the journal writes it, the lab and the tests read it.
tunnel      both directions opaque from here on.
stall       the session after an octet was eaten: nothing behind it is passed on, in either direction.
shadow      a second rulebook beside the one that acts: it sees the same octets, says what it would have done, touches
            nothing.
upstream    the server that the guard relays to.
"""

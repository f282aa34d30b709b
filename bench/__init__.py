"""What the guard costs, beside relays that look at nothing: ``python -m bench``.

Every figure is taken in one run on one machine, round by round through all boxes in turn, so that whatever else the
machine does meanwhile hits all alike; what counts are the ratios. ``docs/benchmarks.md`` says how to read them.

box         what stands in the middle and is measured: the bare relay, the guard under a policy, HAProxy.
sink        the far end: a fast SMTP server that keeps nothing.
load        the near end: clients in the benchmark's own process.
round       one share of work through each box, one box after the other.
figure      the median over the rounds, with the lowest and the highest.
ratio       the median over the rounds of one box's cost divided by another's in the same round.
"""

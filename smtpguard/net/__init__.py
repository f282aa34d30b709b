"""How connections reach the guard on a Linux router: one nftables table, and a routing rule and a route a family.

plan        what `smtpguard net up` does to a host, as data: a ruleset and pieces of routing.
applying    a plan carried out, undone, and undone halfway.
host        what this host has: programs, the capability, interfaces, address families.
"""

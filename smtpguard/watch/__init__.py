"""The guard seen from outside: figures for Prometheus, health and readiness over HTTP, traces for OpenTelemetry.

Everything here listens to the journal's records and to what a guard counts; nothing here touches mail.
"""

"""The receiving host: aiosmtpd's protocol in the words and with the limits of an Exchange or IIS server."""

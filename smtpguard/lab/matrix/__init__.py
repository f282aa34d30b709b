"""Many short runs side by side: sender settings, firewall policies, receivers."""

"""Compares Stillbox with other engines. `benches/peers.py` is the command."""

"""The edge: one port, its sockets, and the sessions on them."""

"""What others offer over HTTP: the message API that campaigns send by, and where alerts go."""

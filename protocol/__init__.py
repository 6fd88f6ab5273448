"""The wire: frames, codecs, codes and limits. Pure: no I/O, no clock, no chance."""
